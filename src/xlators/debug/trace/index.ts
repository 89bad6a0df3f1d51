/*
 * The promise: a line in the log for every call that passes, with what it asked for, how long it took and how it ended. The
 * failure that it hides: none; it changes nothing, and stands where one wants to look at what two translators tell each other.
 *
 * This translator and features/read-only are the two to read first. It shows what wraps a call from both sides.
 */
import { toGlfsError } from '../../../errors.ts';
import {
  type FopFunction,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { type FopName, fopNames } from '../../../protocol/fops.ts';
import { parseFopList } from '../fop-list.ts';
import { describe } from './describe.ts';
import { options } from './options.ts';

export class Trace extends Translator<typeof options> {
  private readonly traced: ReadonlySet<FopName>;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    const included = parseFopList(this.options['include-ops'], this);
    const excluded = parseFopList(this.options['exclude-ops'], this);
    this.traced = included.size > 0 ? included : new Set(fopNames.filter((fop) => !excluded.has(fop)));
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    if (!this.traced.has(fop)) return next;
    return async (request, context) => {
      const start = performance.now();
      const log = (outcome: object): void => {
        const { uid, gid, pid } = context;
        const microseconds = Math.round((performance.now() - start) * 1000);
        this.log.info(
          { translator: this.name, fop, ...describe(request), uid, gid, pid, microseconds, ...outcome },
          fop,
        );
      };
      try {
        const reply = await next(request, context);
        log({});
        return reply;
      } catch (error) {
        log({ code: toGlfsError(error).code });
        throw error;
      }
    };
  }
}

export const traceType: TranslatorType<typeof options> = {
  type: 'debug/trace',
  summary: 'Logs every call with its arguments, duration and outcome.',
  options,
  create: (setup) => new Trace(setup),
};

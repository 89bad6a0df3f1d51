/*
 * The promise: calls to a brick meet the faults that a test ordered, the same ones for the same seed and the same calls. The
 * failure that it hides: none; it makes those that clients must cope with. Of the embedded cluster only.
 */
import { GlfsError } from '../../errors.ts';
import {
  type CallContext,
  type FopFunction,
  type Reply,
  type Request,
  registerTranslator,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
  translatorType,
} from '../../graph/index.ts';
import type { FopName } from '../../protocol/fops.ts';
import type { ServerConnection } from '../../rpc/index.ts';
import { BrickClient } from '../../xlators/protocol/server/client.ts';
import { options } from './options.ts';
import { FaultSchedule, type Verdict } from './schedule.ts';

/** Carried out whatever happens: files that stay open are no fault that a test could see. */
const releases: ReadonlySet<FopName> = new Set<FopName>(['release', 'releasedir']);

export class Faults extends Translator<typeof options> {
  readonly schedule: FaultSchedule;
  private readonly answered: Partial<Record<FopName, number>> = {};
  /** Calls that are held back, with what lets each go. */
  private readonly held = new Set<(error?: GlfsError) => void>();
  private ended = false;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    this.schedule = new FaultSchedule(this.options.seed);
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    return async (request, context) => {
      const verdict = this.schedule.verdict(fop);
      try {
        return verdict === undefined
          ? await next(request, context)
          : await this.apply(verdict, fop, next, request, context);
      } finally {
        this.answered[fop] = (this.answered[fop] ?? 0) + 1;
      }
    };
  }

  private async apply<K extends FopName>(
    { action, errno, milliseconds }: Verdict,
    fop: K,
    next: FopFunction<K>,
    request: Request<K>,
    context: CallContext,
  ): Promise<Reply<K>> {
    if (action === 'delay') {
      await this.hold(context, milliseconds);
      return next(request, context);
    }
    if (action === 'fail' && !releases.has(fop)) throw this.failure(errno);
    const outcome = next(request, context);
    // Whether it succeeded or failed, nobody is told.
    await outcome.catch(() => {});
    if (action === 'fail' || action === 'fail-after') throw this.failure(errno);
    if (action === 'hang') await this.hold(context);
    for (const connection of connectionsOf(context)) {
      if (action === 'drop') connection.destroy();
      else connection.truncateNext();
    }
    return outcome;
  }

  private failure(code: Verdict['errno']): GlfsError {
    return new GlfsError(code, 'ordered by a fault rule', { translator: this.name });
  }

  /** Waits; without a time, until the brick ends or the client goes. */
  private async hold({ client }: CallContext, milliseconds?: number): Promise<void> {
    const signal = client instanceof BrickClient ? client.leaving.signal : undefined;
    if (this.ended || (milliseconds === undefined && signal?.aborted)) throw this.failure('ENOTCONN');
    await new Promise<void>((resolve, reject) => {
      const leave = (error?: GlfsError): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', aborted);
        this.held.delete(leave);
        if (error === undefined) resolve();
        else reject(error);
      };
      const aborted = (): void => leave(this.failure('ENOTCONN'));
      const timer = milliseconds === undefined ? undefined : setTimeout(leave, milliseconds);
      this.held.add(leave);
      if (milliseconds === undefined) signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /** Calls that were answered since the start, whatever the answer. */
  counts(): Partial<Record<FopName, number>> {
    return { ...this.answered };
  }

  /** Ends all calls that are held back, unexecuted. */
  end(): void {
    this.ended = true;
    for (const leave of [...this.held]) leave(this.failure('ENOTCONN'));
  }

  override async close(): Promise<void> {
    this.end();
  }

  override dump(): Record<string, unknown> {
    return { seed: this.options.seed, held: this.held.size, answered: this.counts() };
  }
}

function connectionsOf({ client }: CallContext): readonly ServerConnection[] {
  return client instanceof BrickClient ? [...client.connections] : [];
}

export const faultsType: TranslatorType<typeof options> = {
  type: 'debug/faults',
  summary: 'Meets calls to a brick of the embedded cluster with the faults that a test ordered.',
  options,
  create: (setup) => new Faults(setup),
};

if (translatorType(faultsType.type) === undefined) registerTranslator(faultsType);

/*
 * The promise: a file of a brick that is read without cluster translators above it is a whole file. The failure that it hides:
 * none; a fragment (trusted.ec.*) or a copy that may be stale (trusted.afr.*) answers with EOPNOTSUPP instead of with bytes that
 * only look like the file's. It stands above each storage/posix where a stopped volume is read from its directories.
 */
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type Loc,
  type Reply,
  type Request,
  Translator,
  type TranslatorType,
} from '../../../graph/index.ts';
import { isRegular } from '../../../protocol/iatt.ts';

const marks: readonly (readonly [prefix: string, what: string])[] = [
  ['trusted.ec.', 'a fragment of a dispersed file'],
  ['trusted.afr.', 'one of several copies of a replicated file'],
];

/** What an attribute of that name makes of its file; `undefined` where the file may be whole. */
export function partOf(name: string): string | undefined {
  return marks.find(([prefix]) => name.startsWith(prefix))?.[1];
}

const options = {};

class WholeFiles extends Translator<typeof options> {
  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const reply = await this.child.lookup(request, context);
    if (isRegular(reply.stat)) await this.check(request.loc, context);
    return reply;
  }

  async open(request: Request<'open'>, context: CallContext): Promise<Reply<'open'>> {
    await this.check(request.loc, context);
    return this.child.open(request, context);
  }

  private async check(loc: Loc, context: CallContext): Promise<void> {
    const { dict } = await this.child.getxattr({ loc, name: '' }, context);
    for (const name of dict?.names() ?? []) {
      const what = partOf(name);
      if (what !== undefined)
        throw new GlfsError('EOPNOTSUPP', `the brick holds ${what}`, { translator: this.name });
    }
  }
}

export const wholeFilesType: TranslatorType<typeof options> = {
  type: 'glfs/whole-files',
  summary:
    'Refuses fragments and copies, where a brick is read without the translators that put them together.',
  options,
  create: (setup) => new WholeFiles(setup),
};

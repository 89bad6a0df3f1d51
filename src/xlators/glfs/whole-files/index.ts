/*
 * The promise: a file of a brick that is read without cluster translators above it is a whole file. The failure that it hides:
 * none; a fragment (trusted.ec.*), a stripe (trusted.*.stripe-*) or a copy that may be stale (trusted.afr.*) answers with
 * EOPNOTSUPP instead of with bytes that only look like the file's. It stands above each storage/posix where a stopped volume is
 * read from its directories.
 */
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type Loc,
  option,
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

/** Of cluster/stripe, by whatever name it had. */
const STRIPE = /^trusted\..*\.stripe-(?:size|count|index)$/;

/** What an attribute of that name makes of its file; `undefined` where the file may be whole. */
export function partOf(name: string): string | undefined {
  if (STRIPE.test(name)) return 'one stripe of a striped file';
  return marks.find(([prefix]) => name.startsWith(prefix))?.[1];
}

/** On the first block of a file that features/shard has cut. */
const SHARDED = 'trusted.glusterfs.shard.block-size';

const options = {
  blocks: option.boolean(false, {
    help: 'Files that are cut into blocks are let through, since features/shard stands above and all blocks are there.',
  }),
};

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
      const first =
        name === SHARDED && !this.options.blocks ? 'the first block of a sharded file' : undefined;
      const what = partOf(name) ?? first;
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

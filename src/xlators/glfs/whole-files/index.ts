/*
 * The promise: what a brick answers where it is read offline is what the translators above it can put together. The failure that
 * it hides: none; a fragment (trusted.ec.*), a stripe (trusted.*.stripe-*) or a copy (trusted.afr.*) that nobody above expects
 * answers with EOPNOTSUPP instead of with bytes that only look like the file's, and so does a copy that accuses somebody nobody
 * knows: it may be the one that is about to be read. It stands above each storage/posix of a stopped volume that is read from
 * its directories.
 */
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type Loc,
  option,
  type Reply,
  type Request,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { type Dict, entryBytes } from '../../../protocol/dict.ts';
import { isRegular } from '../../../protocol/iatt.ts';

/** Beginnings of the names of what the translators for copies and for fragments keep with their files. */
export const COPY_MARK = 'trusted.afr.';
export const FRAGMENT_MARK = 'trusted.ec.';

/** Of cluster/stripe, by whatever name it had. */
const STRIPE = /^trusted\..*\.stripe-(?:size|count|index)$/;

export function isStripeMark(name: string): boolean {
  return STRIPE.test(name);
}

const expectations = ['whole', 'copies', 'fragments'] as const;

/** What a brick's files are. */
export type Parts = (typeof expectations)[number];

const marks: readonly (readonly [prefix: string, parts: Parts, what: string])[] = [
  [FRAGMENT_MARK, 'fragments', 'a fragment of a dispersed file'],
  [COPY_MARK, 'copies', 'one of several copies of a replicated file'],
];

/** What an attribute of that name makes of its file where `expected` are; undefined where that is nothing else. */
function strangeBy(name: string, expected: Parts): string | undefined {
  if (isStripeMark(name)) return 'one stripe of a striped file';
  return marks.find(([prefix, parts]) => parts !== expected && name.startsWith(prefix))?.[2];
}

/** On the first block of a file that features/shard has cut. */
const SHARDED = 'trusted.glusterfs.shard.block-size';
const UNDER_WAY = 'trusted.afr.dirty';

const options = {
  blocks: option.boolean(false, {
    help: 'Files that are cut into blocks are let through, since features/shard stands above and all blocks are there.',
  }),
  parts: option.choice('whole', expectations, {
    help: 'What stands above can put together: whole files, copies, fragments.',
  }),
  accused: option.string('', {
    help: 'Names of attributes by which copies may accuse each other, separated by commas.',
  }),
};

class WholeFiles extends Translator<typeof options> {
  private readonly known: ReadonlySet<string>;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    this.known = new Set([UNDER_WAY, ...this.options.accused.split(',')]);
  }

  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const reply = await this.child.lookup(request, context);
    if (isRegular(reply.stat) || this.options.parts === 'copies') {
      await this.check(request.loc, context);
    }
    return reply;
  }

  async open(request: Request<'open'>, context: CallContext): Promise<Reply<'open'>> {
    await this.check(request.loc, context);
    return this.child.open(request, context);
  }

  private async check(loc: Loc, context: CallContext): Promise<void> {
    const { dict } = await this.child.getxattr({ loc, name: '' }, context);
    if (dict === undefined) return;
    const what = this.strange(dict);
    if (what !== undefined)
      throw new GlfsError('EOPNOTSUPP', `the brick holds ${what}`, { translator: this.name });
  }

  private strange(dict: Dict): string | undefined {
    const { parts, blocks } = this.options;
    for (const [name, entry] of dict) {
      const what = strangeBy(name, parts);
      if (what !== undefined) return what;
      if (name === SHARDED && !blocks) return 'the first block of a sharded file';
      if (!name.startsWith(COPY_MARK) || this.known.has(name)) continue;
      if (entryBytes(entry).some((byte) => byte !== 0))
        return `a copy that accuses one that is not known, by ${name}`;
    }
    return undefined;
  }
}

export const wholeFilesType: TranslatorType<typeof options> = {
  type: 'glfs/whole-files',
  summary:
    'Refuses fragments and copies, where a brick is read without the translators that put them together.',
  options,
  create: (setup) => new WholeFiles(setup),
};

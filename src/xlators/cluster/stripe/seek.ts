import { GlfsError, isGlfsError } from '../../../errors.ts';
import type { CallContext, Fd } from '../../../graph/index.ts';
import { SeekWhat } from '../../../protocol/messages.ts';
import { combined, failures, internal, wind, windAll } from '../wind.ts';
import { mergedStat, repliesOfAll } from './everywhere.ts';
import type { FileLayout } from './files.ts';
import type { Part } from './fops.ts';
import { fileOffset, localOffset, piecesOf, stripeOf } from './layout.ts';
import { belowFd } from './plain-fd.ts';
import type { StripeState } from './state.ts';

/**
 * SEEK_DATA and SEEK_HOLE over the stripes (GlusterFS's cluster/stripe refuses them). The end of a stripe is a hole, unless the file
 * ends there.
 * @throws GlfsError ENXIO where the offset is at or behind the end, or no data come any more
 */
export const seek: Part<'seek'> = async (state, request, context) => {
  const fd = belowFd(request.fd);
  const { offset, what } = request;
  if (what !== SeekWhat.DATA && what !== SeekWhat.HOLE)
    throw new GlfsError('EINVAL', `nothing to seek by ${what}`, { translator: state.name });
  const layout = await state.requireLayout({ inode: fd.inode, fd }, context);
  const root = internal(context);
  const replies = await repliesOfAll(state, fd.inode, (child) => child.fstat({ fd }, root), root);
  const { size } = mergedStat(state, layout, replies).stat;
  if (offset >= size) throw nothingThere(state);
  const search: Search = { state, layout, fd, context, size };
  if (what === SeekWhat.DATA) {
    const found = await nextData(search, offset);
    if (found >= size) throw nothingThere(state);
    return { offset: found };
  }
  return { offset: Math.min(size, await (layout.coalesced ? nextHole : nextHoleByBlock)(search, offset)) };
};

interface Search {
  readonly state: StripeState;
  readonly layout: FileLayout;
  readonly fd: Fd;
  readonly context: CallContext;
  /** Of the file. */
  readonly size: number;
}

const NONE = Number.POSITIVE_INFINITY;

/** The first data of any stripe. */
async function nextData(search: Search, offset: number): Promise<number> {
  return Math.min(...(await ofStripes(search, (index) => dataOf(search, index, offset))));
}

/** What is found between a stripe's own blocks is none of the file's. */
async function dataOf(search: Search, index: number, offset: number): Promise<number> {
  const { layout, size } = search;
  for (let at = ownOffset(layout, index, offset); at < size; ) {
    const local = localOffset(layout, at);
    const found = await ask(search, index, local, SeekWhat.DATA);
    if (found === undefined) return NONE;
    const there = fileOffset(layout, index, found);
    if (layout.coalesced || there === found) return there;
    at = there;
  }
  return NONE;
}

/** Where blocks lie together, the first hole of each stripe behind the offset; the first of those is the file's. */
async function nextHole(search: Search, offset: number): Promise<number> {
  const { layout } = search;
  const found = await ofStripes(search, async (index) => {
    const at = ownOffset(layout, index, offset);
    if (at >= search.size) return NONE;
    const hole = await ask(search, index, localOffset(layout, at), SeekWhat.HOLE);
    return hole === undefined ? at : fileOffset(layout, index, hole);
  });
  return Math.min(...found);
}

/** Elsewhere every block ends in a hole of its stripe: block by block, one of each stripe at once. */
async function nextHoleByBlock(search: Search, offset: number): Promise<number> {
  const { state, layout, size } = search;
  const line = layout.blockSize * layout.count;
  for (let from = offset; from < size; ) {
    const to = Math.min(size, (Math.floor(from / line) + 1) * line);
    const pieces = [...piecesOf(layout, from, to - from)];
    const answers = await Promise.all(
      pieces.map((piece) =>
        wind(layout.stripes[piece.index]!, () => ask(search, piece.index, piece.offset, SeekWhat.HOLE)),
      ),
    );
    const failed = failures(answers);
    if (failed.length > 0) throw combined(failed, state.name);
    for (const [at, { reply: hole }] of answers.entries()) {
      const { offset: start, size: length } = pieces[at]!;
      if (hole === undefined) return start;
      if (hole < start + length) return hole;
    }
    from = to;
  }
  return size;
}

/** The first offset from this one on that is of the stripe. */
function ownOffset(layout: FileLayout, index: number, offset: number): number {
  const { blockSize, count } = layout;
  const ahead = (index - stripeOf(layout, offset) + count) % count;
  return ahead === 0 ? offset : (Math.floor(offset / blockSize) + ahead) * blockSize;
}

async function ofStripes(search: Search, call: (index: number) => Promise<number>): Promise<number[]> {
  const { state, layout } = search;
  const answers = await windAll(layout.stripes, (child) => call(layout.stripes.indexOf(child)));
  const failed = failures(answers);
  if (failed.length > 0) throw combined(failed, state.name);
  return answers.map(({ reply }) => reply!);
}

/** Undefined: the stripe has no data any more there, or ends before. */
async function ask(
  { layout, fd, context }: Search,
  index: number,
  offset: number,
  what: number,
): Promise<number | undefined> {
  try {
    return (await layout.stripes[index]!.seek({ fd, offset, what }, internal(context))).offset;
  } catch (error) {
    if (isGlfsError(error, 'ENXIO')) return undefined;
    throw error;
  }
}

function nothingThere(state: StripeState): GlfsError {
  return new GlfsError('ENXIO', undefined, { translator: state.name });
}

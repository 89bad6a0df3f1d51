import { type CallContext, detached, type Reply, type Request } from '../../../graph/index.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { type Answer, internal, wind } from '../wind.ts';
import { mergedStat, repliesOfAll } from './everywhere.ts';
import type { FileLayout } from './files.ts';
import type { Part } from './fops.ts';
import { type Piece, piecesOf, sliceData } from './layout.ts';
import { mergeStats } from './merge.ts';
import { belowFd } from './plain-fd.ts';

/**
 * Writes all blocks of the range at once. What counts is what was written from the front without a gap; an error comes before
 * any of that only where the outcome of the first block is one. What appends does so under a lock, at the end that the stripes
 * then have. (Attributes are those of the stripes that were written.)
 */
export const write: Part<'write'> = async (state, request, context) => {
  const fd = belowFd(request.fd);
  const layout = await state.requireLayout({ inode: fd.inode, fd }, context);
  const plain = { ...request, fd, flags: request.flags & ~OpenFlag.APPEND };
  if (fd === request.fd || request.size === 0) return writeAt(layout, plain, context);
  return state.locks.end(fd.inode, context, async () => {
    const root = internal(detached(context));
    const replies = await repliesOfAll(state, fd.inode, (child) => child.fstat({ fd }, root), root);
    const { size: offset } = mergedStat(state, layout, replies).stat;
    return writeAt(layout, { ...plain, offset }, detached(context));
  });
};

async function writeAt(
  layout: FileLayout,
  request: Request<'write'>,
  context: CallContext,
): Promise<Reply<'write'>> {
  const { offset, size } = request;
  const pieces = size === 0 ? [nothingAt(layout, offset)] : [...piecesOf(layout, offset, size)];
  const answers = await Promise.all(
    pieces.map((piece) =>
      wind(layout.stripes[piece.index]!, (child) =>
        child.write(
          {
            ...request,
            offset: piece.offset,
            size: piece.size,
            data: sliceData(request.data, piece.start, piece.size),
          },
          context,
        ),
      ),
    ),
  );
  return settle(layout, pieces, answers);
}

function nothingAt(layout: FileLayout, offset: number): Piece {
  const [piece] = piecesOf(layout, offset, 1);
  return { ...piece!, size: 0 };
}

function settle(
  layout: FileLayout,
  pieces: readonly Piece[],
  answers: readonly Answer<Reply<'write'>>[],
): Reply<'write'> {
  let count = 0;
  for (const [at, { reply, error }] of answers.entries()) {
    if (error !== undefined) {
      // Whether those bytes are there nobody knows: the caller must not believe that they are the old ones.
      if (count === 0 || error.outcome === 'unknown') throw error;
      break;
    }
    const { size } = pieces[at]!;
    const taken = reply.count ?? size;
    count += taken;
    if (taken < size) break;
  }
  const of = (which: 'prestat' | 'poststat') => {
    const stats = answers.flatMap(({ reply }, at) =>
      reply === undefined ? [] : [{ index: pieces[at]!.index, stat: reply[which] }],
    );
    // Of a stripe that was written several times its first state is the one before, its last the one after.
    const kept = which === 'prestat' ? [...stats].reverse() : stats;
    const latest = [...new Map(kept.map((each) => [each.index, each])).values()];
    return mergeStats(layout, which === 'prestat' ? latest.reverse() : latest);
  };
  const first = answers.find(({ reply }) => reply !== undefined)?.reply;
  return { ...first!, prestat: of('prestat'), poststat: of('poststat'), count };
}

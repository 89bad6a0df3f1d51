import type { CallContext, Reply, Request } from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import { keys } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { account } from './account.ts';
import { type Changed, changeData, type DataChange, grown, isLengthened, settle } from './change.ts';
import type { FileState } from './files.ts';
import { piecesOf, sliceData } from './pieces.ts';
import type { ShardState } from './state.ts';
import { asSeen } from './times.ts';
import { type Answer, windPieces } from './wind.ts';

/**
 * Writes to a sharded file. Over bytes that are there it needs no lock and tells nobody; one that extends the file, or fills a
 * hole, holds the lock of sizes, so that it can't be undone by a truncation that it doesn't know of.
 */
export async function write(
  state: ShardState,
  file: FileState,
  request: Request<'write'>,
  context: CallContext,
): Promise<Reply<'write'>> {
  const { fd, size } = request;
  if (size === 0) {
    const stat = asSeen(file, file.base);
    return { prestat: stat, poststat: stat, count: 0 };
  }
  const appends = (fd.flags & OpenFlag.APPEND) !== 0;
  if (!appends && !file.held && request.offset + size <= file.size) {
    const done = await overwrite(state, file, request, context);
    if (done !== undefined) return done;
  }
  const target = { inode: fd.inode, fd };
  return state.sizeLocks.run(file, target, context, async () => {
    // Clients of GlusterFS append without the lock: where the file ends now is what the bricks say.
    if (appends) await state.refresh(file, target, context);
    const offset = appends ? file.size : request.offset;
    return changeData(state, file, toChange(state, file, { ...request, offset }, true), context);
  });
}

/** Undefined where the blocks weren't as long as they should be: the write must be made again, under the lock. */
async function overwrite(
  state: ShardState,
  file: FileState,
  request: Request<'write'>,
  context: CallContext,
): Promise<Changed | undefined> {
  const change = toChange(state, file, request, false);
  const { fd } = request;
  const pieces = [...change.pieces];
  for (const { index } of pieces)
    if (index > 0 && (await state.blocks.find(file, index, context)) === undefined) return undefined;
  const answers = await windPieces(state, file, fd, pieces, false, context, change.act);
  if (!answers.every(overwrote)) {
    await account(state, file, { inode: fd.inode, fd }, { blocks: grown(answers) }, context);
    return undefined;
  }
  return settle(state, file, change, answers, context);
}

/** The block was there with all those bytes; or it failed, which is told as it is. */
function overwrote(answer: Answer<Changed>): boolean {
  return answer.error !== undefined || (answer.reply !== undefined && !isLengthened(answer));
}

function toChange(state: ShardState, file: FileState, request: Request<'write'>, make: boolean): DataChange {
  const { fd, offset, size, data, flags } = request;
  // What a block had before and has after are of this write alone, though others write to it as well.
  const xdata = withKey(request.xdata, keys.writeUpdateAtomic, 4);
  return {
    fd,
    offset,
    pieces: piecesOf(offset, size, file.blockSize),
    make,
    extends: true,
    partial: true,
    act: (piece, block, context) =>
      state.child.write(
        {
          fd: block,
          offset: piece.offset,
          size: piece.size,
          flags: state.flagsOf(piece.index, flags, fd),
          data: sliceData(data, piece.start, piece.size),
          xdata,
        },
        context,
      ),
  };
}

import type { CallContext, Reply, Request } from '../../../graph/index.ts';
import type { FileState } from './files.ts';
import { type Piece, piecesOf } from './pieces.ts';
import type { ShardState } from './state.ts';
import { asSeen } from './times.ts';
import { type Answer, windPieces } from './wind.ts';

type Read = Reply<'read'>;

/**
 * Reads a sharded file. What a block lacks within the size of the file is a hole, and reads as zeros; but only by a size that was
 * learnt before the block was asked: a writer puts the bytes first and the size behind them. Where the blocks have all that is
 * wanted, no size is needed.
 */
export async function read(
  state: ShardState,
  file: FileState,
  request: Request<'read'>,
  context: CallContext,
): Promise<Read> {
  const { fd, offset, size } = request;
  let certain = false;
  let end = file.size;
  if (offset + size > end) {
    end = (await state.refresh(file, { inode: fd.inode, fd }, context)).size;
    certain = true;
  }
  for (;;) {
    if (offset >= end) return nothing(file, end);
    const answers = await readBlocks(state, file, request, end, context);
    const wanted = Math.min(size, end - offset);
    if (certain || answers.every((answer) => isFull(answer, wanted))) {
      return assemble(file, request, answers, end, wanted);
    }
    // A hole, or the file has been truncated, perhaps, and written anew.
    end = (await state.refresh(file, { inode: fd.inode, fd }, context)).size;
    certain = true;
  }
}

function nothing(file: FileState, size: number): Read {
  return { data: new Uint8Array(0), eof: true, stat: asSeen(file, file.base, { size, blocks: file.blocks }) };
}

async function readBlocks(
  state: ShardState,
  file: FileState,
  { fd, offset, size, flags, into, xdata }: Request<'read'>,
  end: number,
  context: CallContext,
): Promise<Answer<Read>[]> {
  // Whole pieces, also of the block that the file ends in: O_DIRECT takes no odd sizes.
  const pieces = [...piecesOf(offset, size, file.blockSize)].filter(({ start }) => offset + start < end);
  const answers = await windPieces(state, file, fd, pieces, false, context, (piece, block, root) => {
    const flagged = state.flagsOf(piece.index, flags, fd);
    const part = into?.subarray(piece.start, piece.start + piece.size);
    return state.child.read(
      { fd: block, offset: piece.offset, size: piece.size, flags: flagged, into: part, xdata },
      root,
    );
  });
  for (const { error } of answers) if (error !== undefined) throw error;
  return answers;
}

/** Whether the block gave all that is wanted of it. */
function isFull({ piece, reply }: Answer<Read>, wanted: number): boolean {
  return (reply?.data.length ?? 0) >= Math.min(piece.size, wanted - piece.start);
}

function assemble(
  file: FileState,
  { offset, into }: Request<'read'>,
  answers: readonly Answer<Read>[],
  end: number,
  wanted: number,
): Read {
  const [first] = answers;
  const base = first?.piece.index === 0 ? first.reply?.stat : undefined;
  const stat = asSeen(file, base ?? file.base, { size: end, blocks: file.blocks });
  const eof = offset + wanted >= end;
  const xdata = first?.reply?.xdata;
  if (answers.length === 1 && first?.reply !== undefined && isFull(first, wanted))
    return { data: first.reply.data.subarray(0, wanted), eof, stat, xdata };
  const data = into?.subarray(0, wanted) ?? Buffer.allocUnsafe(wanted);
  for (const { piece, reply } of answers) place(data, piece, reply?.data);
  return { data, eof, stat, xdata };
}

/** Puts what a block gave where it belongs, and zeros behind it. */
function place(data: Uint8Array, { start, size }: Piece, got: Uint8Array | undefined): void {
  const part = data.subarray(start, start + size);
  const length = Math.min(got?.length ?? 0, part.length);
  if (got !== undefined && length > 0 && !isAt(got, part)) part.set(got.subarray(0, length));
  part.fill(0, length);
}

function isAt(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset;
}

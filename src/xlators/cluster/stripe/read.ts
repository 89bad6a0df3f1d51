import { type CallContext, type Fd, type Reply, type Request, throwIfEnded } from '../../../graph/index.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { combined, failures, internal, windAll } from '../wind.ts';
import { mergedStat, repliesOfAll } from './everywhere.ts';
import type { FileLayout } from './files.ts';
import type { Part } from './fops.ts';
import { type Piece, piecesOf } from './layout.ts';
import { mergeStats } from './merge.ts';
import { belowFd } from './plain-fd.ts';
import type { StripeState } from './state.ts';

type Read = Reply<'read'>;

/** A block, and what its stripe gave of it. */
interface Got {
  readonly piece: Piece;
  readonly reply: Read;
}

/**
 * Reads all blocks of the range at once. What a stripe lacks within the size of the file is a hole, and reads as zeros; but only by
 * a size that was learnt before the stripe was asked, since bytes may be on their way. A stripe that can't be asked is an
 * error, however many others can. The size in the reply's attributes is at least so large where not all stripes were read.
 */
export const read: Part<'read'> = async (state, request, context) => {
  const fd = belowFd(request.fd);
  const { offset, size, into } = request;
  const layout = await state.requireLayout({ inode: fd.inode, fd }, context);
  const pieces = [...piecesOf(layout, offset, size)];
  const first = await readPieces(layout, { ...request, fd }, pieces, state, context);
  if (first.length > 0 && first.every(isFull)) return whole(layout, request, first);
  throwIfEnded(context);
  const stat = await statOf(state, layout, fd, context);
  const wanted = Math.max(0, Math.min(size, stat.size - offset));
  const asked = pieces.filter(({ start }) => start < wanted);
  const missing = first.filter(({ piece, reply }) => !isWanted(piece, reply, wanted));
  const again = await readPieces(
    layout,
    { ...request, fd },
    missing.map(({ piece }) => piece).filter((piece) => asked.includes(piece)),
    state,
    context,
  );
  const best = new Map([...first, ...again].map((got) => [got.piece.start, got]));
  const data = into?.subarray(0, wanted) ?? Buffer.allocUnsafe(wanted);
  for (const piece of asked) place(data, piece, best.get(piece.start)!.reply.data);
  return { data, eof: offset + wanted >= stat.size, stat, xdata: first[0]?.reply.xdata };
};

/** Attributes as of now, of all stripes. */
async function statOf(state: StripeState, layout: FileLayout, fd: Fd, context: CallContext): Promise<Iatt> {
  const root = internal(context);
  const replies = await repliesOfAll(state, fd.inode, (child) => child.fstat({ fd }, root), root);
  return mergedStat(state, layout, replies).stat;
}

async function readPieces(
  layout: FileLayout,
  request: Request<'read'>,
  pieces: readonly Piece[],
  { name }: StripeState,
  context: CallContext,
): Promise<Got[]> {
  const { fd, flags, into, xdata } = request;
  const answers = await Promise.all(
    pieces.map(({ index, offset, size, start }) =>
      windAll([layout.stripes[index]!], (child) =>
        child.read({ fd, offset, size, flags, into: into?.subarray(start, start + size), xdata }, context),
      ),
    ),
  );
  const failed = failures(answers.flat());
  if (failed.length > 0) throw combined(failed, name);
  return answers.map(([answer], at) => ({ piece: pieces[at]!, reply: answer!.reply! }));
}

function isFull({ piece, reply }: Got): boolean {
  return reply.data.length >= piece.size;
}

/** It gave all that the file has of it. */
function isWanted(piece: Piece, { data }: Read, wanted: number): boolean {
  return data.length >= Math.min(piece.size, wanted - piece.start);
}

function whole(layout: FileLayout, { size, into }: Request<'read'>, got: readonly Got[]): Read {
  const stripes = new Map(got.map(({ piece, reply }) => [piece.index, reply.stat]));
  const stat = mergeStats(
    layout,
    [...stripes].map(([index, each]) => ({ index, stat: each })),
  );
  const [first] = got;
  const { xdata } = first!.reply;
  if (got.length === 1) return { ...first!.reply, data: first!.reply.data.subarray(0, size), stat };
  const data = into?.subarray(0, size) ?? Buffer.allocUnsafe(size);
  for (const { piece, reply } of got) place(data, piece, reply.data);
  return { data, eof: false, stat, xdata };
}

/** Puts what a stripe gave where it belongs, and zeros behind it. */
function place(data: Uint8Array, { start, size }: Piece, got: Uint8Array): void {
  const part = data.subarray(start, start + size);
  const length = Math.min(got.length, part.length);
  const isThere = got.buffer === part.buffer && got.byteOffset === part.byteOffset;
  if (length > 0 && !isThere) part.set(got.subarray(0, length));
  part.fill(0, length);
}

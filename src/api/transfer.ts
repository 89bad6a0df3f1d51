import { GlfsError } from '../errors.ts';
import type { Fd } from '../graph/index.ts';
import type { Iatt } from '../protocol/iatt.ts';
import { OpenFlag } from '../protocol/messages.ts';
import type { Call } from './calls.ts';

/** Most bytes of one READ or WRITE: larger transfers are cut, so that none holds up a connection for long. */
export const PIECE_BYTES = 1024 * 1024;
/** Pieces of one transfer that travel at once. */
const PIECES_IN_FLIGHT = 4;

export interface Read {
  /** The bytes, in front of the caller's buffer where there is one. */
  readonly data: Uint8Array;
  readonly eof: boolean;
  readonly stat: Iatt | undefined;
}

/**
 * Reads up to `size` bytes at `offset`, fewer only at the end of the file. With `into`, the bytes are put there, and nothing
 * is written to it once the caller has stopped waiting.
 */
export async function read(
  call: Call,
  fd: Fd,
  offset: number,
  size: number,
  into?: Uint8Array,
): Promise<Read> {
  checkRange(offset, size);
  if (size === 0) return { data: into?.subarray(0, 0) ?? new Uint8Array(0), eof: false, stat: undefined };
  // A caller who may leave early gets a copy: nobody may write to his buffer afterwards.
  const target = call.abortable ? undefined : into;
  const got =
    size <= PIECE_BYTES
      ? await readPiece(call, fd, offset, size, target)
      : await readPieces(call, fd, offset, size, target);
  if (into === undefined || target !== undefined || call.ended) return got;
  into.set(got.data);
  return { ...got, data: into.subarray(0, got.data.length) };
}

/** One piece: asked for again from where an answer stopped short of both the size and the end of the file. */
async function readPiece(
  call: Call,
  fd: Fd,
  offset: number,
  size: number,
  into: Uint8Array | undefined,
): Promise<Read> {
  const target = into !== undefined && into.length > size ? into.subarray(0, size) : into;
  const { data, eof, stat } = await call.fop('read', { fd, offset, size, flags: 0, into: target });
  const front = placed(data, target);
  if (front.length === size || front.length === 0 || eof)
    return { data: front, eof: eof || front.length === 0, stat };
  const whole = target ?? Buffer.allocUnsafe(size);
  if (target === undefined) whole.set(front);
  const rest = await readPiece(
    call,
    fd,
    offset + front.length,
    size - front.length,
    whole.subarray(front.length),
  );
  return { data: whole.subarray(0, front.length + rest.data.length), eof: rest.eof, stat: rest.stat };
}

/** The bytes where they were asked for, if a translator gave others (from a cache). */
export function placed(data: Uint8Array, target: Uint8Array | undefined): Uint8Array {
  if (target === undefined) return data;
  const there = data.buffer === target.buffer && data.byteOffset === target.byteOffset;
  if (!there) target.set(data);
  return there ? data : target.subarray(0, data.length);
}

/** Several pieces at once. What lies behind a piece that came short doesn't count: the file may have grown meanwhile. */
async function readPieces(
  call: Call,
  fd: Fd,
  offset: number,
  size: number,
  into: Uint8Array | undefined,
): Promise<Read> {
  const whole = into ?? Buffer.allocUnsafe(size);
  const count = Math.ceil(size / PIECE_BYTES);
  const reads: Read[] = [];
  let end = count;
  await inFlight(count, async (index) => {
    if (index >= end) return;
    const start = index * PIECE_BYTES;
    const piece = whole.subarray(start, Math.min(start + PIECE_BYTES, size));
    const got = await readPiece(call, fd, offset + start, piece.length, piece);
    reads[index] = got;
    if (got.data.length < piece.length) end = Math.min(end, index + 1);
  });
  let length = 0;
  let last: Read | undefined;
  for (let index = 0; index < end; index++) {
    last = reads[index]!;
    length += last.data.length;
  }
  return { data: whole.subarray(0, length), eof: last!.eof, stat: last!.stat };
}

export interface Written {
  readonly prestat: Iatt | undefined;
  readonly poststat: Iatt | undefined;
}

/**
 * Writes all of `data`. In pieces, several at once, but one after the other where the file is open for appending: there
 * the order of arrival is the order of the bytes.
 */
export async function write(
  call: Call,
  fd: Fd,
  offset: number,
  data: readonly Uint8Array[],
): Promise<Written> {
  const size = data.reduce((sum, part) => sum + part.length, 0);
  checkRange(offset, size);
  if (size === 0) return { prestat: undefined, poststat: undefined };
  // A caller who may leave early may also change his buffer, while bricks still take the bytes.
  const stable = call.abortable ? [Buffer.concat(data)] : data;
  if (size <= PIECE_BYTES) return writePiece(call, fd, offset, { parts: stable, length: size });
  const pieces = cut(stable, PIECE_BYTES);
  const replies: Written[] = [];
  const parallel = (fd.flags & OpenFlag.APPEND) !== 0 ? 1 : PIECES_IN_FLIGHT;
  await inFlight(
    pieces.length,
    async (index) => {
      replies[index] = await writePiece(call, fd, offset + index * PIECE_BYTES, pieces[index]!);
    },
    parallel,
  );
  return { prestat: replies[0]!.prestat, poststat: replies.at(-1)!.poststat };
}

/**
 * One piece. What a server did not take, because its disk is full as a rule, is sent again to learn why.
 * @throws GlfsError EIO where it takes nothing and says no reason
 */
async function writePiece(call: Call, fd: Fd, offset: number, piece: Piece): Promise<Written> {
  const { parts, length } = piece;
  const reply = await call.fop('write', { fd, offset, size: length, flags: 0, data: parts });
  const { count = length } = reply;
  if (count >= length) return reply;
  if (count <= 0) throw new GlfsError('EIO', `none of ${length} bytes were taken`);
  const [, ...rest] = cut(parts, count);
  const left = { parts: rest.flatMap((part) => part.parts), length: length - count };
  const { poststat } = await writePiece(call, fd, offset + count, left);
  return { prestat: reply.prestat, poststat };
}

interface Piece {
  readonly parts: readonly Uint8Array[];
  readonly length: number;
}

/** Cuts a row of buffers into pieces of `size` bytes, the last one shorter; nothing is copied. */
export function cut(data: readonly Uint8Array[], size: number): Piece[] {
  const pieces: Piece[] = [];
  let parts: Uint8Array[] = [];
  let length = 0;
  for (const buffer of data) {
    for (let at = 0; at < buffer.length; ) {
      const part = buffer.subarray(at, at + size - length);
      parts.push(part);
      length += part.length;
      at += part.length;
      if (length < size) continue;
      pieces.push({ parts, length });
      parts = [];
      length = 0;
    }
  }
  if (length > 0) pieces.push({ parts, length });
  return pieces;
}

/**
 * Runs `work` for 0 to `count` - 1, in this order, `parallel` at once. After a failure none is begun, those under way are
 * waited for, and the first failure is thrown.
 */
export async function inFlight(
  count: number,
  work: (index: number) => Promise<void>,
  parallel = PIECES_IN_FLIGHT,
): Promise<void> {
  let next = 0;
  let failure: { error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < count && failure === undefined) {
      try {
        await work(next++);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, lane));
  if (failure !== undefined) throw failure.error;
}

/** @throws GlfsError EINVAL for what is no offset or size. */
function checkRange(offset: number, size: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new GlfsError('EINVAL', `not an offset: ${offset}`);
  if (!Number.isSafeInteger(size) || size < 0) throw new GlfsError('EINVAL', `not a size: ${size}`);
}

import { Lanes } from './concurrency.ts';

/** Bytes that travel as one read or write, and how many of them at once in each direction. */
export const PIECE_BYTES = 1024 * 1024;
const PARALLEL = 8;
/** Smallest read: files may be larger than they say. */
const LEAST_BYTES = 64 * 1024;

export interface Piece {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** Bytes to be copied, in order. */
export interface Source {
  pieces(): AsyncIterable<Piece>;
}

/** Where bytes are copied to. */
export interface Target {
  /** Pieces must come in order, one at a time: a pipe, a terminal. */
  readonly ordered: boolean;
  /** Takes all of the bytes or throws. */
  write(bytes: Uint8Array, position: number): Promise<void>;
}

/** Which side of a copy failed: messages differ. */
export class TransferError extends Error {
  override readonly name = 'TransferError';
  constructor(
    readonly side: 'read' | 'write',
    override readonly cause: unknown,
    /** Bytes that had been written when it failed. */
    readonly written: number,
  ) {
    super(`${side} failed`, { cause });
  }
}

export interface TransferOptions {
  /** Called before each piece; throws to end the transfer. */
  readonly check?: () => void;
  /** Told the size of every piece that has been written. */
  readonly onBytes?: (bytes: number) => void;
  /** Leaves out pieces of zeros: only for a target that is empty, whose size is set afterwards. */
  readonly holes?: boolean;
}

export interface Transferred {
  /** End of what was read. */
  readonly size: number;
  /** Bytes that were written; fewer than `size` where holes were left. */
  readonly written: number;
}

/** Copies everything, several pieces at once in both directions. @throws TransferError; whatever `check` throws */
export async function transfer(
  source: Source,
  target: Target,
  options: TransferOptions = {},
): Promise<Transferred> {
  const lanes = new Lanes(target.ordered ? 1 : PARALLEL);
  let size = 0;
  let written = 0;
  let failure: unknown;
  const write = async ({ bytes, position }: Piece): Promise<void> => {
    try {
      await target.write(bytes, position);
    } catch (error) {
      throw new TransferError('write', error, written);
    }
    written += bytes.length;
    options.onBytes?.(bytes.length);
  };
  try {
    for await (const piece of source.pieces()) {
      options.check?.();
      size = piece.position + piece.bytes.length;
      if (options.holes && isZero(piece.bytes)) options.onBytes?.(piece.bytes.length);
      else await lanes.start(() => write(piece));
    }
  } catch (error) {
    failure = error;
  }
  // Nobody may close the target while writes are under way.
  await lanes.settle().catch((error: unknown) => {
    failure ??= error;
  });
  if (failure !== undefined) throw withCount(failure, written);
  return { size, written };
}

function withCount(error: unknown, written: number): unknown {
  return error instanceof TransferError ? new TransferError(error.side, error.cause, written) : error;
}

function isZero(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes[0] !== 0) return false;
  return Buffer.compare(bytes.subarray(1), bytes.subarray(0, -1)) === 0;
}

export interface ReadAnswer {
  readonly bytes: Uint8Array;
  /** Nothing follows. */
  readonly eof: boolean;
}

/** One read at a position: fewer bytes than asked for only at the end of the file. */
export type ReadAt = (position: number, size: number) => Promise<ReadAnswer>;

/**
 * The pieces of a file whose size is about `expected`, read ahead. What counts is where reads end, not the size: a file
 * may grow or shrink while it is read, and some (in /proc) don't tell theirs.
 */
export async function* readAhead(
  readAt: ReadAt,
  expected: number,
  piece = PIECE_BYTES,
): AsyncGenerator<Piece> {
  const asked: { position: number; size: number; answer: Promise<ReadAnswer> }[] = [];
  let next = 0;
  const ask = (): void => {
    // One byte more than is expected finds the end of the file without a further read.
    const size = Math.min(piece, Math.max(expected - next + 1, LEAST_BYTES));
    const answer = readAt(next, size);
    answer.catch(() => {});
    asked.push({ position: next, size, answer });
    next += size;
  };
  try {
    for (;;) {
      while (next < expected && asked.length < PARALLEL) ask();
      if (asked.length === 0) ask();
      const { position, size, answer } = asked.shift()!;
      const { bytes, eof } = await answer.catch((error: unknown) => {
        throw new TransferError('read', error, 0);
      });
      if (bytes.length > 0) yield { position, bytes };
      if (eof || bytes.length === 0) return;
      if (bytes.length === size) continue;
      // Short, but not at the end: what was asked for behind it is asked for again, from where this one ended.
      await Promise.allSettled(asked.splice(0).map((one) => one.answer));
      next = position + bytes.length;
    }
  } finally {
    await Promise.allSettled(asked.map((one) => one.answer));
  }
}

/** The pieces of a stream: its chunks, put together to pieces of some size. */
export async function* gather(chunks: AsyncIterable<Uint8Array>, piece = PIECE_BYTES): AsyncGenerator<Piece> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let position = 0;
  try {
    for await (const chunk of chunks) {
      parts.push(chunk);
      length += chunk.length;
      if (length < piece) continue;
      yield { position, bytes: Buffer.concat(parts) };
      position += length;
      parts = [];
      length = 0;
    }
  } catch (error) {
    throw new TransferError('read', error, 0);
  }
  if (length > 0) yield { position, bytes: Buffer.concat(parts) };
}

/** The part of a range of a file that lies in one block. */
export interface Piece {
  /** Number of the block; 0 is the file that applications see. */
  readonly index: number;
  /** Bytes, from the beginning of the block. */
  readonly offset: number;
  readonly size: number;
  /** Bytes, from the beginning of the range. */
  readonly start: number;
}

/** The blocks that a range touches, in order; none for an empty one. */
export function* piecesOf(offset: number, size: number, blockSize: number): Generator<Piece> {
  for (let start = 0; start < size; ) {
    const at = offset + start;
    const index = Math.floor(at / blockSize);
    const inBlock = at - index * blockSize;
    const length = Math.min(blockSize - inBlock, size - start);
    yield { index, offset: inBlock, size: length, start };
    start += length;
  }
}

/** Number of the block that holds the last byte of a file of `size` bytes; 0 for an empty one. */
export function lastBlock(size: number, blockSize: number): number {
  return size === 0 ? 0 : Math.floor((size - 1) / blockSize);
}

/** The bytes of a write from `start` on, `size` of them; nothing is copied. */
export function sliceData(data: readonly Uint8Array[], start: number, size: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const bytes of data) {
    const part = bytes.subarray(Math.max(0, start - at), Math.max(0, start + size - at));
    if (part.length > 0) parts.push(part);
    at += bytes.length;
  }
  return parts;
}

/** Runs through `items`, at most `most` at once, and stops after the round in which `work` first returned false. */
export async function inRounds<T>(
  items: Iterable<T>,
  most: number,
  work: (round: readonly T[]) => Promise<boolean>,
): Promise<void> {
  let round: T[] = [];
  for (const item of items) {
    round.push(item);
    if (round.length < most) continue;
    if (!(await work(round))) return;
    round = [];
  }
  if (round.length > 0) await work(round);
}

/** How the bytes of one file are spread: fixed when it is made, and kept in its attributes. */
export interface Layout {
  /** Bytes that go to one stripe before the next one's turn comes. */
  readonly blockSize: number;
  /** Stripes: one on each subvolume. */
  readonly count: number;
  /**
   * Stripes lie without gaps: each holds its own blocks one behind the other. Otherwise (all files from before GlusterFS 3.3)
   * every byte lies at the offset that it has in the file, and what belongs to other stripes is a hole.
   */
  readonly coalesced: boolean;
}

/** A part of a range of a file that lies in one stripe without a gap. */
export interface Piece {
  /** Which stripe, from 0. */
  readonly index: number;
  /** Bytes, from the beginning of the stripe. */
  readonly offset: number;
  readonly size: number;
  /** Bytes, from the beginning of the range. */
  readonly start: number;
}

/** The stripe that holds the byte at `offset`. */
export function stripeOf({ blockSize, count }: Layout, offset: number): number {
  return Math.floor(offset / blockSize) % count;
}

/** Where in its stripe the byte at `offset` lies. */
export function localOffset({ blockSize, count, coalesced }: Layout, offset: number): number {
  if (!coalesced) return offset;
  return Math.floor(offset / (blockSize * count)) * blockSize + (offset % blockSize);
}

/**
 * Where in the file the byte at `local` of a stripe lies: the inverse of `localOffset`. What a stripe that is not coalesced holds
 * between its own blocks is of no file: then this is the beginning of its next own block.
 */
export function fileOffset(layout: Layout, index: number, local: number): number {
  const { blockSize, count, coalesced } = layout;
  const block = Math.floor(local / blockSize);
  if (coalesced) return (block * count + index) * blockSize + (local % blockSize);
  if (block % count === index) return local;
  return (block + ((index - (block % count) + count) % count)) * blockSize;
}

/** Where the file ends at least, by the size of one stripe; the largest of all stripes is right. */
export function fileSize(layout: Layout, index: number, size: number): number {
  if (!layout.coalesced || size === 0) return size;
  // The last byte tells: behind it the next blocks are other stripes'.
  return fileOffset(layout, index, size - 1) + 1;
}

/** How long a stripe of a file of `size` bytes is, once somebody has cut or extended the file to that. */
export function localSize(layout: Layout, index: number, size: number): number {
  const { blockSize, count, coalesced } = layout;
  if (!coalesced) return size;
  const lines = Math.floor(size / (blockSize * count));
  const rest = size - lines * blockSize * count - index * blockSize;
  return lines * blockSize + Math.min(Math.max(rest, 0), blockSize);
}

/** The pieces of a range, block by block, in the order of the file; none for an empty one. */
export function* piecesOf(layout: Layout, offset: number, size: number): Generator<Piece> {
  const { blockSize } = layout;
  for (let start = 0; start < size; ) {
    const at = offset + start;
    const length = Math.min(blockSize - (at % blockSize), size - start);
    yield { index: stripeOf(layout, at), offset: localOffset(layout, at), size: length, start };
    start += length;
  }
}

/**
 * What a range covers of the stripes, in as few calls as it takes: one for each coalesced stripe, whose blocks lie together. `start`
 * is that of the first block.
 */
export function* spansOf(layout: Layout, offset: number, size: number): Generator<Piece> {
  if (!layout.coalesced) {
    yield* piecesOf(layout, offset, size);
    return;
  }
  const { count, blockSize } = layout;
  const first = Math.floor(offset / blockSize);
  for (let block = first; block < first + count; block++) {
    const at = Math.max(offset, block * blockSize);
    if (at >= offset + size) return;
    const index = block % count;
    const from = localOffset(layout, at);
    const to = localSize(layout, index, offset + size);
    yield { index, offset: from, size: to - from, start: at - offset };
  }
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

import { GlfsError } from '../../../errors.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keyKinds } from '../../../protocol/keys.ts';

/** What the attributes of a sharded file begin with; they are none of an application's business. */
export const PREFIX = 'trusted.glusterfs.shard.';

/** On the file that applications see, which is its block 0: u64 big-endian, bytes of a block. Other files are not sharded. */
export const blockSizeKey = keyKinds.bytes('trusted.glusterfs.shard.block-size');
/** u64 big-endian each: bytes of the file, 0, blocks of 512 bytes on all bricks, 0. */
export const fileSizeKey = keyKinds.bytes('trusted.glusterfs.shard.file-size');
/** UNLINK: asks for the blocks of 512 bytes that the file had. */
export const blockCountKey = keyKinds.uint('gf_get_file_block_count');
/** LOOKUP by gfid: finds also what has no name any more and is open. */
export const unlinkedLookupKey = keyKinds.uint('unlinked-lookup');

const FILE_SIZE_BYTES = 32;

export interface FileSize {
  /** Bytes. */
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
}

/** Also differences: both may be negative. */
export function encodeFileSize({ size, blocks }: FileSize): Uint8Array {
  const bytes = Buffer.alloc(FILE_SIZE_BYTES);
  bytes.writeBigInt64BE(BigInt(size), 0);
  bytes.writeBigInt64BE(BigInt(blocks), 16);
  return bytes;
}

/** @throws GlfsError EIO for a value that can be no size. */
export function decodeFileSize(dict: Dict | undefined): FileSize | undefined {
  const bytes = dict?.get(fileSizeKey);
  if (bytes === undefined) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length < 24) throw new GlfsError('EIO', `${fileSizeKey.name} has ${view.length} bytes`);
  const size = Number(view.readBigInt64BE(0));
  const blocks = Number(view.readBigInt64BE(16));
  if (!Number.isSafeInteger(size) || size < 0) throw new GlfsError('EIO', `${fileSizeKey.name} is ${size}`);
  // Counts of clients that raced each other may have gone below what there is.
  return { size, blocks: Number.isSafeInteger(blocks) ? Math.max(blocks, 0) : 0 };
}

/** 0: the file is not sharded. */
export function decodeBlockSize(dict: Dict | undefined): number {
  const bytes = dict?.get(blockSizeKey);
  if (bytes === undefined) return 0;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = view.length === 8 ? Number(view.readBigUInt64BE(0)) : 0;
  if (!Number.isSafeInteger(size) || size === 0)
    throw new GlfsError('EIO', `${blockSizeKey.name} holds no size`);
  return size;
}

/** The attributes of a file, or of the marker of one that is removed. */
export function fileAttributes(blockSize: number, fileSize: FileSize, dict = new Dict()): Dict {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(blockSize));
  return dict.set(blockSizeKey, bytes).set(fileSizeKey, encodeFileSize(fileSize));
}

/** `xdata` that also asks for the size. */
export function askingSize(xdata?: Dict): Dict {
  return (xdata?.clone() ?? new Dict()).setEntry(fileSizeKey.name, {
    type: 'uint',
    value: BigInt(FILE_SIZE_BYTES),
  });
}

/** `xdata` that also asks whether the file is sharded at all. */
export function askingAll(xdata?: Dict): Dict {
  return askingSize(xdata).setEntry(blockSizeKey.name, { type: 'uint', value: 0n });
}

/** The file as applications see it. */
export function withSize(stat: Iatt, { size, blocks }: FileSize): Iatt {
  return { ...stat, size, blocks };
}

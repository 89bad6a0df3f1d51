import { GlfsError } from '../../../errors.ts';
import type { Mdata } from '../../../protocol/dict.ts';

/** The attribute that holds a file's times, as features/utime at the clients makes them. */
export const MDATA_KEY = 'trusted.glusterfs.mdata';

const VERSION = 1;

/*
 * posix_mdata_disk, packed, big-endian, 57 bytes:
 *   u8 version (1); u64 flags (0); then ctime, mtime, atime, each u64 seconds, u64 nanoseconds
 * (the order in a dict's value of type mdata is another: atime, mtime, ctime).
 */
export const MDATA_BYTES = 57;

const CTIME = 9;
const MTIME = 25;
const ATIME = 41;

/** The bytes of trusted.glusterfs.mdata. */
export function encodeMdata(times: Mdata): Buffer {
  const bytes = Buffer.alloc(MDATA_BYTES);
  bytes[0] = VERSION;
  const put = (at: number, seconds: bigint, nanoseconds: number): void => {
    bytes.writeBigInt64BE(seconds, at);
    bytes.writeBigUInt64BE(BigInt(nanoseconds), at + 8);
  };
  put(CTIME, times.ctime, times.ctimeNsec);
  put(MTIME, times.mtime, times.mtimeNsec);
  put(ATIME, times.atime, times.atimeNsec);
  return bytes;
}

/** @throws GlfsError EIO for bytes that are no such attribute. */
export function decodeMdata(bytes: Uint8Array): Mdata {
  if (bytes.length < MDATA_BYTES)
    throw new GlfsError('EIO', `${MDATA_KEY} has ${bytes.length} bytes instead of ${MDATA_BYTES}`);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const nanoseconds = (at: number): number => Number(view.readBigUInt64BE(at + 8));
  return {
    ctime: view.readBigInt64BE(CTIME),
    ctimeNsec: nanoseconds(CTIME),
    mtime: view.readBigInt64BE(MTIME),
    mtimeNsec: nanoseconds(MTIME),
    atime: view.readBigInt64BE(ATIME),
    atimeNsec: nanoseconds(ATIME),
  };
}

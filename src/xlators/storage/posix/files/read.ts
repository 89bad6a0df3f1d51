import { read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import { GlfsError } from '../../../../errors.ts';
import type { PosixFop } from '../brick.ts';
import { stampTimes } from '../times.ts';
import { refuseDevice } from './kind.ts';

const readAt = promisify(readCallback);

/** Above this the file's size says how much memory a read needs, not the request. */
const TRUSTED_SIZE = 1 << 20;

/**
 * Reads up to `size` bytes from `offset` on, into `into` where given. A size is not believed: whoever asks for 4 GiB of a
 * small file gets a small buffer.
 */
export async function readBytes(
  descriptor: number,
  offset: number,
  size: number,
  fileSize: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const wanted = size <= TRUSTED_SIZE ? size : Math.min(size, Math.max(0, fileSize - offset));
  const buffer = into?.subarray(0, wanted) ?? Buffer.allocUnsafeSlow(wanted);
  const { bytesRead } = await readAt(descriptor, buffer, 0, wanted, offset);
  return buffer.subarray(0, bytesRead);
}

export const read: PosixFop<'read'> = (brick, { fd, offset, size, into }, context) => {
  refuseDevice(fd.inode);
  if (size === 0) throw new GlfsError('EINVAL', 'a read of no bytes');
  return brick.withDescriptor(fd, async (descriptor) => {
    const before = size <= TRUSTED_SIZE ? 0 : Number(brick.store.stat(descriptor).size);
    const data = await readBytes(descriptor, offset, size, before, into);
    stampTimes(brick, descriptor, context);
    const stat = brick.iatt(descriptor, fd.inode.gfid);
    return { data, stat, eof: stat.size === 0 || offset + data.length >= stat.size };
  });
};

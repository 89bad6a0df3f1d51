import { blockChecksum } from '../../../../checksum/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { keys } from '../../../../protocol/keys.ts';
import type { PosixFop } from '../brick.ts';
import { stampTimes } from '../times.ts';
import { readBytes } from './read.ts';

/** Checksums of a block, by which heals find out what differs without moving it. */
export const rchecksum: PosixFop<'rchecksum'> = (brick, { fd, offset, size, xdata }, context) =>
  brick.withDescriptor(fd, async (descriptor) => {
    const fileSize = Number(brick.store.stat(descriptor).size);
    const data = await readBytes(descriptor, offset, size, fileSize);
    const fips = brick.options['fips-mode-rchecksum'];
    const reply = new Dict();
    if (xdata?.has(keys.checkZeroFilled))
      reply.set(keys.zeroFilled, Number(data.every((byte) => byte === 0)));
    if (fips) reply.set(keys.fipsChecksum, 1);
    stampTimes(brick, descriptor, context);
    // The flag, too, says which checksum it is.
    return { flags: Number(fips), ...blockChecksum(data, fips ? 'sha256' : 'md5'), xdata: reply };
  });

import { fdatasync, fsync as fsyncCallback } from 'node:fs';
import { promisify } from 'node:util';
import type { PosixFop } from '../brick.ts';

const syncAll = promisify(fsyncCallback);
const syncData = promisify(fdatasync);

export const fsync: PosixFop<'fsync'> = (brick, { fd, datasync }) =>
  brick.withDescriptor(fd, async (descriptor) => {
    const prestat = brick.iatt(descriptor, fd.inode.gfid);
    await (datasync === 0 ? syncAll(descriptor) : syncData(descriptor));
    return { prestat, poststat: brick.iatt(descriptor, fd.inode.gfid) };
  });

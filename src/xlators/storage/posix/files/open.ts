import { GlfsError } from '../../../../errors.ts';
import { type FileType, typeOfMode } from '../../../../protocol/iatt.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import type { PosixFop } from '../brick.ts';
import { refuseWhenFull } from '../reserve.ts';
import { stampTimes } from '../times.ts';

/** What cannot be opened, and how that is answered: devices, fifos and sockets live in the clients' kernels. */
const refused: Partial<Record<FileType, 'EINVAL' | 'ELOOP' | 'ENXIO'>> = {
  block: 'EINVAL',
  character: 'EINVAL',
  fifo: 'EINVAL',
  socket: 'ENXIO',
  symlink: 'ELOOP',
};

export const open: PosixFop<'open'> = async (brick, { loc, fd, flags, xdata }, context) => {
  if ((flags & OpenFlag.CREAT) !== 0) refuseWhenFull(brick, context, xdata);
  const path = brick.placeOf(loc);
  // As clients see it: a record may say that a plain file stands for a device.
  const type = typeOfMode(Number(brick.store.stat(path).mode));
  const code = refused[type];
  if (code !== undefined) throw new GlfsError(code, `a ${type} can't be opened`);
  // The file exists, found by its gfid: O_EXCL would refuse it, O_CREAT bring back one that is being removed.
  const descriptor = brick.openFile(path, flags & ~(OpenFlag.CREAT | OpenFlag.EXCL));
  brick.keep(fd, loc.inode.gfid, descriptor);
  stampTimes(brick, descriptor, context);
  return {};
};

/** Nothing is held back here that a flush would bring out. */
export const flush: PosixFop<'flush'> = (brick, { fd }) => brick.withDescriptor(fd, async () => ({}));

export const release: PosixFop<'release'> = async (brick, { fd }) => {
  brick.release(fd);
  return {};
};

import { ftruncate as ftruncateCallback } from 'node:fs';
import { promisify } from 'node:util';
import { GlfsError } from '../../../../errors.ts';
import type { CallContext } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { type Iatt, typeOfMode } from '../../../../protocol/iatt.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import type { PosixBrick, PosixFop } from '../brick.ts';
import { stampTimes } from '../times.ts';

const setSize = promisify(ftruncateCallback);

async function cut(
  brick: PosixBrick,
  descriptor: number,
  gfid: Gfid,
  size: number,
  context: CallContext,
): Promise<{ prestat: Iatt; poststat: Iatt }> {
  const prestat = brick.iatt(descriptor, gfid);
  await setSize(descriptor, size);
  stampTimes(brick, descriptor, context);
  return { prestat, poststat: brick.iatt(descriptor, gfid) };
}

export const ftruncate: PosixFop<'ftruncate'> = (brick, { fd, offset }, context) =>
  brick.withDescriptor(fd, (descriptor) => cut(brick, descriptor, fd.inode.gfid, offset, context));

export const truncate: PosixFop<'truncate'> = async (brick, { loc, offset }, context) => {
  const path = brick.placeOf(loc);
  // As truncate(2) refuses them; to open a fifo or device for it would do more.
  const type = typeOfMode(Number(brick.store.stat(path).mode));
  if (type === 'directory') throw new GlfsError('EISDIR');
  if (type !== 'file') throw new GlfsError('EINVAL', `a ${type} has no size`);
  const { gfid } = loc.inode;
  return brick.visit(gfid, brick.openFile(path, OpenFlag.WRONLY), (descriptor) =>
    cut(brick, descriptor, gfid, offset, context),
  );
};

import { lookupXdata } from '../attributes/lookup-xdata.ts';
import type { PosixFop } from '../brick.ts';

export const stat: PosixFop<'stat'> = async (brick, { loc, xdata }, context) => {
  const path = brick.placeOf(loc);
  const found = brick.iatt(path, loc.inode.gfid);
  return xdata === undefined
    ? { stat: found }
    : { stat: found, xdata: lookupXdata(brick, path, found, xdata, context) };
};

export const fstat: PosixFop<'fstat'> = (brick, { fd, xdata }, context) =>
  brick.withDescriptor(fd, async (descriptor) => {
    const found = brick.iatt(descriptor, fd.inode.gfid);
    return xdata === undefined
      ? { stat: found }
      : { stat: found, xdata: lookupXdata(brick, descriptor, found, xdata, context) };
  });

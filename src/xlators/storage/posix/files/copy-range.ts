import type { PosixFop } from '../brick.ts';
import { refuseWhenFull } from '../reserve.ts';
import { stampCopyTimes } from '../times.ts';
import { refuseDevice } from './kind.ts';
import { checkProtection, writeXdata } from './write.ts';

/** One system call: it may copy less than was asked for, and the reply says how much. */
export const copyFileRange: PosixFop<'copyFileRange'> = (brick, request, context) => {
  const { source, target, sourceOffset, targetOffset, size, xdata } = request;
  refuseWhenFull(brick, context, xdata);
  refuseDevice(source.inode);
  refuseDevice(target.inode);
  return brick.withDescriptor(source, (from) =>
    brick.withDescriptor(target, async (to) => {
      checkProtection(brick, to, xdata);
      const prestat = brick.iatt(to, target.inode.gfid);
      const count = await brick.host.copyFileRange(from, sourceOffset, to, targetOffset, size);
      stampCopyTimes(brick, from, to, context);
      return {
        stat: brick.iatt(from, source.inode.gfid),
        prestat,
        poststat: brick.iatt(to, target.inode.gfid),
        count,
        ...writeXdata(brick, target, xdata, false),
      };
    }),
  );
};

import { fsync as fsyncCallback, write as writeCallback } from 'node:fs';
import { promisify } from 'node:util';
import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Fd } from '../../../../graph/index.ts';
import type { Dict } from '../../../../protocol/dict.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import type { PosixBrick, PosixFop } from '../brick.ts';
import { hostErrno } from '../host-error.ts';
import { stampTimes } from '../times.ts';
import { checkSpace } from './write.ts';

const writeAt = promisify(writeCallback);
const sync = promisify(fsyncCallback);

/** Modes of fallocate(2). */
const KEEP_SIZE = 0x01;
const PUNCH_HOLE = 0x02;
const ZERO_RANGE = 0x10;

const ENOSYS = 38;
const EOPNOTSUPP = 95;
const PIECE = 1 << 20;

interface Range {
  readonly fd: Fd;
  readonly offset: number;
  readonly size: number;
  readonly xdata?: Dict;
}

type Act = (descriptor: number, before: Iatt) => Promise<void>;

function change(brick: PosixBrick, { fd }: Range, context: CallContext, act: Act) {
  return brick.withDescriptor(fd, async (descriptor): Promise<{ prestat: Iatt; poststat: Iatt }> => {
    const prestat = brick.iatt(descriptor, fd.inode.gfid);
    await act(descriptor, prestat);
    stampTimes(brick, descriptor, context);
    return { prestat, poststat: brick.iatt(descriptor, fd.inode.gfid) };
  });
}

/** For file systems that can't zero a range themselves. Extends the file, as ZERO_RANGE does. */
async function writeZeros(descriptor: number, { offset, size }: Range): Promise<void> {
  const zeros = Buffer.alloc(Math.min(size, PIECE));
  for (let done = 0; done < size; ) {
    const length = Math.min(zeros.length, size - done);
    const { bytesWritten } = await writeAt(descriptor, zeros, 0, length, offset + done);
    if (bytesWritten === 0) throw new GlfsError('ENOSPC');
    done += bytesWritten;
  }
}

async function zeroRange(brick: PosixBrick, descriptor: number, range: Range): Promise<void> {
  try {
    await brick.host.fallocate(descriptor, ZERO_RANGE, range.offset, range.size);
  } catch (error) {
    if (![ENOSYS, EOPNOTSUPP].includes(hostErrno(error))) throw error;
    await writeZeros(descriptor, range);
  }
}

/** Any flag on the wire means KEEP_SIZE. */
export const fallocate: PosixFop<'fallocate'> = (brick, request, context) =>
  change(brick, request, context, async (descriptor, before) => {
    const { offset, size: length, xdata } = request;
    checkSpace(brick, before, { offset, length, xdata }, context);
    await brick.host.fallocate(descriptor, request.flags === 0 ? 0 : KEEP_SIZE, offset, length);
  });

/** Frees space, so a full brick takes it. */
export const discard: PosixFop<'discard'> = (brick, request, context) =>
  change(brick, request, context, (descriptor) =>
    brick.host.fallocate(descriptor, KEEP_SIZE | PUNCH_HOLE, request.offset, request.size),
  );

export const zerofill: PosixFop<'zerofill'> = (brick, request, context) =>
  change(brick, request, context, async (descriptor, before) => {
    const { fd, offset, size: length, xdata } = request;
    checkSpace(brick, before, { offset, length, xdata }, context);
    await zeroRange(brick, descriptor, request);
    if ((fd.flags & OpenFlag.SYNC) !== 0) await sync(descriptor);
  });

import { fsync as fsyncCallback, writev as writevCallback } from 'node:fs';
import { promisify } from 'node:util';
import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Fd, Reply, Request } from '../../../../graph/index.ts';
import { Dict, entryBytes } from '../../../../protocol/dict.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import type { PosixBrick, PosixFop } from '../brick.ts';
import { refuseWhenFull } from '../reserve.ts';
import { stampTimes } from '../times.ts';
import { refuseDevice } from './kind.ts';
import { inSequence } from './sequence.ts';

const writevAt = promisify(writevCallback);
const sync = promisify(fsyncCallback);

const PROTECTED = 'trusted.glusterfs.protect.writes';

/**
 * A migration marks the file that it fills, and leaves alone whatever an application has written there since.
 * @throws GlfsError EBUSY where the call avoids overwriting and the file bears the mark.
 */
export function checkProtection(brick: PosixBrick, descriptor: number, xdata: Dict | undefined): void {
  const mark = xdata?.entry(PROTECTED);
  if (mark !== undefined) brick.store.set(descriptor, PROTECTED, entryBytes(mark));
  else if (xdata?.has(keys.avoidOverwrite) && brick.store.get(descriptor, PROTECTED) !== undefined)
    throw new GlfsError('EBUSY', 'the file was written to by others');
}

/** What replicate and disperse ask of a write beside its attributes; absent where the call had no xdata. */
export function writeXdata(
  brick: PosixBrick,
  fd: Fd,
  xdata: Dict | undefined,
  append: boolean,
): { xdata?: Dict } {
  if (xdata === undefined) return {};
  const count = brick.openCount(fd.inode.gfid);
  const answers = [
    [keys.openFdCount, count],
    [keys.activeFdCount, count],
    [keys.writeIsAppend, Number(append)],
  ] as const;
  const reply = new Dict();
  for (const [key, value] of answers)
    if (xdata.has(key)) reply.setEntry(key.name, { type: 'uint', value: BigInt(value) });
  return { xdata: reply };
}

/**
 * Bytes that go where the file has space already may be written to a full brick.
 * @throws GlfsError ENOSPC
 */
export function checkSpace(
  brick: PosixBrick,
  { size, blocks }: Iatt,
  { offset, length, xdata }: { offset: number; length: number; xdata: Dict | undefined },
  context: CallContext,
): void {
  const overwrites = offset + length <= size && blocks * 512 >= size;
  if (!overwrites) refuseWhenFull(brick, context, xdata);
}

async function store(
  brick: PosixBrick,
  descriptor: number,
  request: Request<'write'>,
  context: CallContext,
): Promise<Reply<'write'>> {
  const { fd, offset, data, flags, xdata } = request;
  checkProtection(brick, descriptor, xdata);
  const prestat = brick.iatt(descriptor, fd.inode.gfid);
  const length = data.reduce((sum, part) => sum + part.length, 0);
  checkSpace(brick, prestat, { offset, length, xdata }, context);
  const appends = prestat.size === offset || (fd.flags & OpenFlag.APPEND) !== 0;
  const { bytesWritten: count } = await writevAt(descriptor, [...data], offset);
  stampTimes(brick, descriptor, context);
  const poststat = brick.iatt(descriptor, fd.inode.gfid);
  if ((flags & OpenFlag.SYNC) !== 0) await sync(descriptor);
  return { prestat, poststat, count, ...writeXdata(brick, fd, xdata, appends) };
}

export const write: PosixFop<'write'> = (brick, request, context) => {
  const { fd, xdata } = request;
  refuseDevice(fd.inode);
  const ordered = xdata?.has(keys.writeIsAppend) || xdata?.has(keys.writeUpdateAtomic);
  return brick.withDescriptor(fd, (descriptor) => {
    const run = () => store(brick, descriptor, request, context);
    return ordered ? inSequence(brick, fd.inode.gfid, run) : run();
  });
};

import type { Fd } from '../../../../graph/index.ts';
import { type Gfid, gfidKey } from '../../../../protocol/gfid.ts';
import type { PosixBrick } from '../brick.ts';
import { closeWhenIdle } from './descriptor.ts';

/** How many fds of a file are open, by gfid: replicate gives up delayed locks when there is a second one. */
const counts = new WeakMap<PosixBrick, Map<string, number>>();

function add(brick: PosixBrick, gfid: Gfid, change: number): void {
  const ofBrick = counts.get(brick) ?? new Map<string, number>();
  counts.set(brick, ofBrick);
  const key = gfidKey(gfid);
  const count = (ofBrick.get(key) ?? 0) + change;
  if (count > 0) ofBrick.set(key, count);
  else ofBrick.delete(key);
}

/** Open fds of the file, of all clients. */
export function openFdCount(brick: PosixBrick, gfid: Gfid): number {
  return counts.get(brick)?.get(gfidKey(gfid)) ?? 0;
}

/** Keeps `descriptor` with the fd, for open, create and opendir; `gfid` is the file's, which create's inode lacks still. */
export function keepDescriptor(brick: PosixBrick, fd: Fd, descriptor: number, gfid: Gfid): void {
  fd.set(brick.fds, { descriptor, gfid, users: 0, released: false });
  add(brick, gfid, 1);
}

/** For release and releasedir: the descriptor is closed at once, or when the last call on it has ended. */
export function releaseFd(brick: PosixBrick, fd: Fd): void {
  const open = fd.get(brick.fds);
  if (open === undefined || open.released) return;
  fd.forget(brick.fds);
  open.released = true;
  add(brick, open.gfid, -1);
  closeWhenIdle(open);
}

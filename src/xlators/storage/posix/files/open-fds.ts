import type { Fd } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import type { PosixBrick } from '../brick.ts';

/** Open fds of the file, of all clients: replicate gives up delayed locks when there is a second one. */
export function openFdCount(brick: PosixBrick, gfid: Gfid): number {
  return brick.openCount(gfid);
}

/** Keeps `descriptor` with the fd, for open, create and opendir; `gfid` is the file's, which create's inode lacks still. */
export function keepDescriptor(brick: PosixBrick, fd: Fd, descriptor: number, gfid: Gfid): void {
  brick.keep(fd, gfid, descriptor);
}

/** For release and releasedir: the descriptor is closed at once, or when the last call on it has ended. */
export function releaseFd(brick: PosixBrick, fd: Fd): void {
  brick.release(fd);
}

import { Fd, type Inode } from '../../../graph/index.ts';
import { OpenFlag } from '../../../protocol/messages.ts';

/* By which fds fragments are read and written. */

/**
 * Where an append lands is known from trusted.ec.size, not from the length of a fragment: bricks must not open the file with
 * O_APPEND, which lets Linux ignore offsets.
 */
export function withholdAppend(fd: Fd): void {
  fd.withheld |= OpenFlag.APPEND;
}

export function isAppending(fd: Fd): boolean {
  return (fd.flags & OpenFlag.APPEND) !== 0;
}

/** For what must be read before it is written: an fd that is for writing only is passed over, by gfid. */
export function readingFd(fd: Fd): Fd {
  return (fd.flags & OpenFlag.ACCMODE) === OpenFlag.WRONLY ? byGfid(fd.inode) : fd;
}

/** For changes of a file that nobody has opened. */
export function byGfid(inode: Inode): Fd {
  return new Fd(inode, OpenFlag.RDWR, true);
}

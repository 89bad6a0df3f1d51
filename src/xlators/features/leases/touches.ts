import type { Fd, Inode, Loc, Request } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { LockCommand, LockType, OpenFlag } from '../../../protocol/messages.ts';

/** How a call touches a file. */
export interface Touch {
  readonly inode?: Inode;
  /** Instead of `inode`: whatever has that name. */
  readonly entry?: Loc;
  readonly modifies: boolean;
  /** Goes against every lease, the caller's own among them. */
  readonly always?: boolean;
  /** The caller would rather have EAGAIN than wait. */
  readonly impatient?: boolean;
}

type Touches = { readonly [K in FopName]?: (request: Request<K>) => Touch[] };

function byFd(fd: Fd, modifies: boolean): Touch[] {
  return [{ inode: fd.inode, modifies, impatient: (fd.flags & OpenFlag.NONBLOCK) !== 0 }];
}
const reading = ({ fd }: { fd: Fd }): Touch[] => byFd(fd, false);
const modifying = ({ fd }: { fd: Fd }): Touch[] => byFd(fd, true);
const changing = ({ loc }: { loc: Loc }): Touch[] => [{ inode: loc.inode, modifies: true }];

function writes(flags: number): boolean {
  return (flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY || (flags & OpenFlag.TRUNC) !== 0;
}

/** Calls that leases stand against. GlusterFS doesn't know COPY_FILE_RANGE; it is what it is made of here. */
export const touches: Touches = {
  open: ({ loc, flags }) => [
    { inode: loc.inode, modifies: writes(flags), impatient: (flags & OpenFlag.NONBLOCK) !== 0 },
  ],
  create: ({ loc, flags }) => [
    { entry: loc, modifies: writes(flags), impatient: (flags & OpenFlag.NONBLOCK) !== 0 },
  ],
  read: reading,
  write: modifying,
  flush: modifying,
  fsync: modifying,
  ftruncate: modifying,
  fallocate: modifying,
  discard: modifying,
  zerofill: modifying,
  fsetattr: modifying,
  copyFileRange: ({ source, target }) => [...byFd(source, false), ...byFd(target, true)],
  truncate: changing,
  setattr: changing,
  link: changing,
  unlink: ({ loc }) => [{ entry: loc, modifies: true, always: true }],
  rename: ({ loc, newLoc }) => [
    { entry: loc, modifies: true, always: true },
    { entry: newLoc, modifies: true, always: true },
  ],
  lk: ({ fd, command, flock }) => [
    {
      inode: fd.inode,
      modifies: command !== LockCommand.GET && flock.type === LockType.WRITE,
      impatient: command !== LockCommand.SET_WAIT,
    },
  ],
};

import type { CallContext, Fd, Inode, Request } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { LAST, type Range } from './range.ts';

/** A call that mandatory locks of others hold up: which bytes it reads or writes. */
export interface DataAccess extends Range {
  readonly inode: Inode;
  readonly reads: boolean;
  /** Without an fd, or with O_NONBLOCK, nobody waits. */
  readonly mayWait: boolean;
}

type Describe<K extends FopName> = (request: Request<K>) => DataAccess;

function onFd(fd: Fd, offset: number, size: number | undefined, reads = false): DataAccess {
  const start = BigInt(offset);
  return {
    inode: fd.inode,
    start,
    end: size === undefined ? LAST : start + BigInt(size) - 1n,
    reads,
    mayWait: (fd.flags & OpenFlag.NONBLOCK) === 0,
  };
}

const accesses: { readonly [K in FopName]?: Describe<K> } = {
  read: ({ fd, offset, size }) => onFd(fd, offset, size, true),
  write: ({ fd, offset, size }) => onFd(fd, offset, size),
  discard: ({ fd, offset, size }) => onFd(fd, offset, size),
  zerofill: ({ fd, offset, size }) => onFd(fd, offset, size),
  ftruncate: ({ fd, offset }) => onFd(fd, offset, undefined),
  truncate: ({ loc, offset }) => ({
    inode: loc.inode,
    start: BigInt(offset),
    end: LAST,
    reads: false,
    mayWait: false,
  }),
};

/** How a fop touches data, where mandatory locks are about it. */
export function accessOf<K extends FopName>(fop: K): Describe<K> | undefined {
  return accesses[fop] as Describe<K> | undefined;
}

/** Internal callers (heal, rebalance) work below the locks of applications. */
export function isInternal({ pid }: CallContext): boolean {
  return pid < 0;
}

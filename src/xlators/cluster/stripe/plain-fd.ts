import { Fd } from '../../../graph/index.ts';
import { OpenFlag } from '../../../protocol/messages.ts';

/**
 * What stands below for a file that is open for appending: opened as it is, a brick would write behind the end of its stripe,
 * whatever offset it is given. Whoever poisons the one poisons the other.
 */
class PlainFd extends Fd {
  constructor(readonly appending: Fd) {
    super(appending.inode, appending.flags & ~OpenFlag.APPEND, appending.anonymous);
    Object.defineProperty(this, 'poisoned', {
      get: () => appending.poisoned,
      set: (why: Error | undefined) => {
        appending.poisoned = why;
      },
    });
  }
}

/** They outlive graphs, as fds do. */
const plainFds = new WeakMap<Fd, PlainFd>();

/** The fd by which stripes are called. */
export function belowFd(fd: Fd): Fd {
  if ((fd.flags & OpenFlag.APPEND) === 0) return fd;
  let plain = plainFds.get(fd);
  if (plain === undefined) {
    plain = new PlainFd(fd);
    plainFds.set(fd, plain);
  }
  return plain;
}

/** A request whose fd is that below. */
export function below<R extends { readonly fd: Fd }>(request: R): R {
  const fd = belowFd(request.fd);
  return fd === request.fd ? request : { ...request, fd };
}

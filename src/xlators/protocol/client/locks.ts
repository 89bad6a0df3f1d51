import { GlfsError, toGlfsError } from '../../../errors.ts';
import type { Fd } from '../../../graph/index.ts';
import type { HeldLock, HeldLocks } from '../../held-locks.ts';

/** Takes one lock without blocking on the brick. */
export type Relock = (fd: Fd, held: HeldLock) => Promise<void>;

/**
 * After a reconnect: takes the locks of every fd again; an fd whose locks can't be had is poisoned.
 * @returns the fds that were poisoned.
 * @throws GlfsError ENOTCONN where the connection is lost again.
 */
export async function retakeLocks(
  held: HeldLocks,
  relock: Relock,
  strict: boolean,
): Promise<{ fd: Fd; reason: GlfsError }[]> {
  const lost: { fd: Fd; reason: GlfsError }[] = [];
  for (const fd of held.fds()) {
    try {
      if (strict)
        throw new GlfsError('EBADFD', 'strict-locks: another client may have held the locks in between');
      for (const lock of held.of(fd)) await relock(fd, lock);
    } catch (error) {
      const reason = new GlfsError(
        'EBADFD',
        'locks were lost with the connection and could not be taken again',
        {
          cause: toGlfsError(error),
        },
      );
      if (error instanceof GlfsError && error.code === 'ENOTCONN') throw error;
      fd.poisoned = reason;
      held.released(fd);
      lost.push({ fd, reason });
    }
  }
  return lost;
}

import { toGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  detached,
  type Inode,
  newLkOwner,
  type Subvolume,
} from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../../protocol/messages.ts';

/*
 * Lock order, the same in every client of a volume:
 *   1. the inodelk of a file that is about to lose a name, domain: the translator's name;
 *   2. the entrylk of its marker's name in .remove_me, same domain. The deletion takes that alone, and never waits for it.
 * The lock of sizes (size-lock.ts) is taken with none of these held.
 */

/** A lock that is held. */
export interface HeldLock {
  /** Never rejects: what can't be dropped goes with the connection. */
  drop(): Promise<void>;
}

const NONE: HeldLock = { drop: async () => {} };

/** Where bricks know no locks (storage/posix alone in a graph), there is nobody to lock out. */
const WITHOUT_LOCKS = ['EOPNOTSUPP', 'ENOSYS'];

interface Call {
  take(context: CallContext): Promise<unknown>;
  drop(context: CallContext): Promise<unknown>;
}

/** The locks of a client of GlusterFS's features/shard, and one more of our own. */
export class Locks {
  constructor(
    private readonly child: Subvolume,
    private readonly domain: string,
    private readonly log: Logger,
  ) {}

  /** The whole file, for writing. Waits. `suffix` makes another domain. */
  inode(inode: Inode, context: CallContext, suffix = ''): Promise<HeldLock> {
    const domain = this.domain + suffix;
    const call = (
      command: number,
      type: number,
      { lkOwner: owner }: CallContext,
    ): Parameters<Subvolume['inodelk']>[0] => ({
      loc: { inode },
      command,
      type,
      flock: { type, whence: 0, start: 0n, length: 0n, pid: 0, owner },
      domain,
    });
    return this.take(context, {
      take: (holder) => this.child.inodelk(call(LockCommand.SET_WAIT, LockType.WRITE, holder), holder),
      drop: (holder) => this.child.inodelk(call(LockCommand.SET, LockType.UNLOCK, holder), holder),
    });
  }

  /** A name in a directory. @throws GlfsError EAGAIN where it is taken and `wait` is false. */
  entry(parent: Inode, name: string, context: CallContext, wait: boolean): Promise<HeldLock> {
    const call = (command: number, holder: CallContext): Promise<unknown> =>
      this.child.entrylk(
        { loc: { inode: parent }, command, type: EntryLockType.WRITE, namelen: 1, name, domain: this.domain },
        holder,
      );
    const { LOCK, LOCK_NONBLOCKING, UNLOCK } = EntryLockCommand;
    return this.take(context, {
      take: (holder) => call(wait ? LOCK : LOCK_NONBLOCKING, holder),
      drop: (holder) => call(UNLOCK, holder),
    });
  }

  private async take(context: CallContext, lock: Call): Promise<HeldLock> {
    const holder = { ...asRoot(detached(context)), lkOwner: newLkOwner(), stamp: undefined };
    try {
      await lock.take(holder);
    } catch (thrown) {
      const error = toGlfsError(thrown);
      if (WITHOUT_LOCKS.includes(error.code)) return NONE;
      // It may have been granted after all.
      if (error.outcome === 'unknown') await this.drop(lock, holder);
      throw error;
    }
    return { drop: () => this.drop(lock, holder) };
  }

  private async drop(lock: Call, holder: CallContext): Promise<void> {
    try {
      await lock.drop(holder);
    } catch (error) {
      this.log.debug({ translator: this.domain, error: toGlfsError(error) }, 'a lock could not be dropped');
    }
  }
}

import type { Inode } from '../../../../graph/index.ts';
import type { ChildSet } from '../../children.ts';
import { type HealLock, type LockMode, lockError, lockInode, WHOLE_FILE } from '../../heal-locks.ts';
import { canHeal, type HealSession } from './session.ts';

/*
 * Lock order of a heal, the same in every client and self-heal daemon of a volume, always whole files and directories:
 *   data:     the heal domain (tie-break), then the operations' domain, given back after each window and taken again
 *   entry:    the directory in the heal domain (tie-break), then in the operations' domain, once for each name
 *   metadata: the operations' domain
 * On each subvolume, from the first to the last where it waits.
 */

/** A lock under which a heal works. */
export interface Hold {
  /** Subvolumes that hold it, more than it takes to read. */
  readonly on: ChildSet;
  /** Those of `on` that hold it still: one that has gone meanwhile lets others in. */
  still(): ChildSet;
}

/**
 * Runs `work` under the lock of operations on `inode`. What this client itself keeps between operations is given up first.
 * @throws GlfsError ENOTCONN where too few can be locked; EAGAIN for `try` where others have it
 */
export async function locked<T>(
  session: HealSession,
  inode: Inode,
  work: (hold: Hold) => Promise<T>,
  mode: LockMode = 'wait',
): Promise<T> {
  const { state } = session;
  // Who holds another lock must not wait for an operation that may want that one.
  if (mode !== 'try') await state.locks.settle(inode);
  return underLock(session, state.domain, inode, mode, work);
}

/** Runs `work` while no other healer is at `inode`. @throws GlfsError EAGAIN where one is, ENOTCONN */
export function alone<T>(session: HealSession, work: (on: ChildSet) => Promise<T>): Promise<T> {
  const { state, inode } = session;
  return underLock(session, state.healDomain, inode, 'tie-break', ({ on }) => work(on));
}

async function underLock<T>(
  session: HealSession,
  domain: string,
  inode: Inode,
  mode: LockMode,
  work: (hold: Hold) => Promise<T>,
): Promise<T> {
  const { state } = session;
  const departures = [...state.departures];
  const lock: HealLock = await lockInode({ ...session, inode }, domain, WHOLE_FILE, mode);
  try {
    const on = state.stayed(lock.on, departures);
    if (!canHeal(state, on)) throw lockError(state, { ...lock, on });
    return await work({ on, still: () => state.stayed(on, departures) });
  } finally {
    await lock.release();
  }
}

import { GlfsError } from '../../errors.ts';
import type { CallContext, Inode, Subvolume } from '../../graph/index.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../protocol/messages.ts';
import { type ChildSet, countOf, NO_CHILDREN } from './children.ts';
import { giveBack } from './locking/giving-back.ts';
import type { MemberSet } from './member-set.ts';
import { type Answer, wind, windAll } from './wind.ts';

/** `try`: now or not at all. `wait`: until it is granted. `tie-break`: waits only if most subvolumes were free: one healer wins. */
export type LockMode = 'try' | 'wait' | 'tie-break';

/** Bytes of a file; length 0: to its end, wherever that is. */
export interface LockRange {
  readonly start: bigint;
  readonly length: bigint;
}

export const WHOLE_FILE: LockRange = { start: 0n, length: 0n };
export interface HealLock {
  /** Subvolumes on which it is held. */
  readonly on: ChildSet;
  /** A subvolume that is not in `on` said that somebody else has it. */
  readonly contended: boolean;
  /** Never rejects: what can't be given back goes with the connection. Idempotent. */
  release(): Promise<void>;
}

/** Whoever takes locks, under his own name. */
interface Locker {
  readonly state: MemberSet;
  readonly context: CallContext;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/** How one lock is taken and given back on one copy. */
interface LockCalls {
  take(child: Subvolume, wait: boolean): Promise<unknown>;
  drop(child: Subvolume): Promise<unknown>;
}

/**
 * An inodelk for writing on all subvolumes that are up. Look at `on`: it is not an error that some could not be locked.
 * @throws GlfsError ECANCELED where the heal is given up meanwhile; nothing is held then.
 */
export function lockInode(
  session: Locker & { readonly inode: Inode },
  domain: string,
  range: LockRange,
  mode: LockMode,
): Promise<HealLock> {
  const { inode, context } = session;
  const call = (child: Subvolume, command: number, type: number): Promise<unknown> =>
    child.inodelk(
      {
        loc: { inode },
        command,
        type,
        flock: { type, whence: 0, ...range, pid: 0, owner: context.lkOwner },
        domain,
      },
      context,
    );
  return takeLock(session, mode, {
    take: (child, wait) => call(child, wait ? LockCommand.SET_WAIT : LockCommand.SET, LockType.WRITE),
    drop: (child) => call(child, LockCommand.SET, LockType.UNLOCK),
  });
}

/** As `lockInode`, an entrylk: a name in `directory`, or all of it without one. */
export function lockEntry(
  session: Locker,
  domain: string,
  directory: Inode,
  name: string | undefined,
  mode: LockMode,
): Promise<HealLock> {
  const { context } = session;
  const call = (child: Subvolume, command: number): Promise<unknown> =>
    child.entrylk(
      {
        loc: { inode: directory },
        command,
        type: EntryLockType.WRITE,
        namelen: name === undefined ? 0 : 1,
        name: name ?? '',
        domain,
      },
      context,
    );
  const { LOCK, LOCK_NONBLOCKING, UNLOCK } = EntryLockCommand;
  return takeLock(session, mode, {
    take: (child, wait) => call(child, wait ? LOCK : LOCK_NONBLOCKING),
    drop: (child) => call(child, UNLOCK),
  });
}

async function takeLock(session: Locker, mode: LockMode, calls: LockCalls): Promise<HealLock> {
  const { state } = session;
  const children = state.childrenOf(state.up);
  const since = [...state.departures];
  const tried = await windAll(children, (child) => calls.take(child, false));
  const first = heldBy(state, tried, calls, since);
  const waits = mode === 'wait' || (mode === 'tie-break' && 2 * countOf(first.on) > state.children.length);
  if (!first.contended || !waits) return first;
  // Whoever waits holds nothing that comes later in the order.
  await first.release();
  const answers: Answer<unknown>[] = [];
  for (const child of children) {
    const index = state.indexOf(child);
    since[index] = state.departures[index]!;
    const answer = await waitFor(session, child, calls);
    if (answer === undefined) {
      await heldBy(state, answers, calls, since).release();
      throw new GlfsError('ECANCELED', 'the heal was given up', {
        translator: state.name,
        cause: session.signal.reason,
      });
    }
    answers.push(answer);
  }
  return heldBy(state, answers, calls, since);
}

/** Undefined where the heal is given up first: the lock is given back when it is granted after all. */
function waitFor(
  { state, signal }: Locker,
  child: Subvolume,
  calls: LockCalls,
): Promise<Answer<unknown> | undefined> {
  return new Promise((resolve) => {
    const leave = (): void => resolve(undefined);
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    const departures = state.departures[state.indexOf(child)]!;
    void wind(child, (each) => calls.take(each, true)).then((answer) => {
      signal.removeEventListener('abort', leave);
      if (signal.aborted && isGranted(answer)) void giveBack(state, child, calls.drop, departures);
      resolve(signal.aborted ? undefined : answer);
    });
  });
}

/** Where the answer was lost, or says that something went wrong, the lock may be held, and must be given back. */
function isGranted({ error }: Answer<unknown>): boolean {
  return error?.code !== 'EAGAIN';
}

/** `departures`: by position, when the subvolume was asked. */
function heldBy(
  state: MemberSet,
  answers: readonly Answer<unknown>[],
  calls: LockCalls,
  departures: readonly number[],
): HealLock {
  const since = [...departures];
  let on = NO_CHILDREN;
  let drop = NO_CHILDREN;
  for (const answer of answers) {
    const bit = 1 << state.indexOf(answer.child);
    if (answer.error === undefined) on |= bit;
    if (isGranted(answer)) drop |= bit;
  }
  return {
    on,
    contended: answers.some(({ error }) => error?.code === 'EAGAIN'),
    release: async () => {
      const children = state.childrenOf(drop);
      drop = NO_CHILDREN;
      await Promise.all(
        children.map((child) => giveBack(state, child, calls.drop, since[state.indexOf(child)]!)),
      );
    },
  };
}

/** What a heal says where it could not lock all subvolumes. */
export function lockError(state: MemberSet, lock: HealLock): GlfsError {
  if (lock.contended) {
    return new GlfsError('EAGAIN', 'another client heals or changes it', { translator: state.name });
  }
  return state.tooFew(lock.on);
}

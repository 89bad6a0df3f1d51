import { type GlfsError, isGlfsError } from '../../../errors.ts';
import { type CallContext, detached, type Reply, type Subvolume } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { EntryLockCommand, LockCommand, LockType } from '../../../protocol/messages.ts';
import { childSet, has, indicesOf } from '../children.ts';
import { callMembers, requireAny } from '../everywhere.ts';
import { type Answer, combined, failures, type Success, shared, successes, wind, windAll } from '../wind.ts';
import { bookOf } from './lock-book.ts';
import type { LockedSet, LockPart } from './locked-set.ts';

/*
 * Locks of translators above, in domains of their own. At first without waiting, on all members at once; where somebody else
 * has one of them all are given back and taken one after the other, in the order of the volfile, as all clients do. (Those of
 * replicate itself are in transaction/.)
 */

interface Locking<K extends FopName> {
  readonly unlocks: boolean;
  /** As the caller wants it. */
  take(child: Subvolume, context: CallContext): Promise<Reply<K>>;
  /** Without waiting. */
  attempt(child: Subvolume, context: CallContext): Promise<Reply<K>>;
  drop(child: Subvolume, context: CallContext): Promise<unknown>;
}

export const inodelk: LockPart<'inodelk'> = (state, request, context) =>
  lock<'inodelk'>(state, context, {
    unlocks: request.type === LockType.UNLOCK,
    take: (child, holder) => child.inodelk(request, holder),
    attempt: (child, holder) => child.inodelk({ ...request, command: LockCommand.SET }, holder),
    drop: (child, holder) => child.inodelk({ ...request, ...unlocking(request) }, holder),
  });

export const finodelk: LockPart<'finodelk'> = (state, request, context) =>
  lock<'finodelk'>(state, context, {
    unlocks: request.type === LockType.UNLOCK,
    take: (child, holder) => child.finodelk(request, holder),
    attempt: (child, holder) => child.finodelk({ ...request, command: LockCommand.SET }, holder),
    drop: (child, holder) => child.finodelk({ ...request, ...unlocking(request) }, holder),
  });

export const entrylk: LockPart<'entrylk'> = (state, request, context) => {
  const { LOCK_NONBLOCKING, UNLOCK } = EntryLockCommand;
  return lock<'entrylk'>(state, context, {
    unlocks: request.command === UNLOCK,
    take: (child, holder) => child.entrylk(request, holder),
    attempt: (child, holder) => child.entrylk({ ...request, command: LOCK_NONBLOCKING }, holder),
    drop: (child, holder) => child.entrylk({ ...request, command: UNLOCK }, holder),
  });
};

export const fentrylk: LockPart<'fentrylk'> = (state, request, context) => {
  const { LOCK_NONBLOCKING, UNLOCK } = EntryLockCommand;
  return lock<'fentrylk'>(state, context, {
    unlocks: request.command === UNLOCK,
    take: (child, holder) => child.fentrylk(request, holder),
    attempt: (child, holder) => child.fentrylk({ ...request, command: LOCK_NONBLOCKING }, holder),
    drop: (child, holder) => child.fentrylk({ ...request, command: UNLOCK }, holder),
  });
};

function unlocking<F extends { readonly type: number }>({ flock }: { readonly flock: F }) {
  const type = LockType.UNLOCK;
  return { command: LockCommand.SET, type, flock: { ...flock, type } };
}

async function lock<K extends FopName>(
  state: LockedSet,
  context: CallContext,
  locking: Locking<K>,
): Promise<Reply<K>> {
  const holder = detached(context);
  // Members that never had it say so; those that are gone have it no more.
  if (locking.unlocks)
    return requireAny(await callMembers<K>(state, state.up, (child) => locking.take(child, holder)));
  state.requireQuorum();
  const granted = grant(state, holder, locking);
  let waiting = true;
  granted.then(
    () => {
      if (!waiting) void dropOn(state, state.upChildren, holder, locking);
    },
    () => {},
  );
  try {
    return await shared(granted, context);
  } finally {
    waiting = false;
  }
}

async function grant<K extends FopName>(
  state: LockedSet,
  holder: CallContext,
  locking: Locking<K>,
): Promise<Reply<K>> {
  const sinceFirst = watchLosses(state);
  const first = await windAll(state.childrenOf(state.up), (child) => locking.attempt(child, holder));
  if (conflictOf(first) === undefined) return settle(state, holder, locking, first, sinceFirst);
  await dropOn(state, doubtful(first), holder, locking);
  const since = watchLosses(state);
  const answers: Answer<Reply<K>>[] = [];
  for (let index = 0; index < state.children.length; index++) {
    // Looked at anew each time: it may have taken long to get here.
    if (!has(state.up, index)) continue;
    answers.push(await wind(state.children[index]!, (child) => locking.take(child, holder)));
    if (conflictOf(answers) !== undefined) break;
  }
  return settle(state, holder, locking, answers, since);
}

/** @throws GlfsError EAGAIN where somebody else has it; what members say where too few of them have granted it. */
async function settle<K extends FopName>(
  state: LockedSet,
  holder: CallContext,
  locking: Locking<K>,
  answers: readonly Answer<Reply<K>>[],
  unlost: (child: Subvolume) => boolean,
): Promise<Reply<K>> {
  const conflict = conflictOf(answers);
  const held = successes(answers).filter(({ child }): boolean => unlost(child)) as Success<Reply<K>>[];
  const set = childSet(held.map(({ child }) => state.indexOf(child)));
  const [first] = held;
  if (conflict === undefined && first !== undefined && state.enough(set)) return first.reply;
  await dropOn(state, doubtful(answers), holder, locking);
  const failed = failures(answers);
  throw conflict ?? (failed.length > 0 ? combined(failed, state.name) : state.tooFew(set));
}

/** Tells of members whether their connection has been there all the time since. */
function watchLosses(state: LockedSet): (child: Subvolume) => boolean {
  const book = bookOf(state);
  const before = indicesOf(state.all).map((index) => book.lossesOf(state.children[index]!.name));
  return (child) => book.lossesOf(child.name) === before[state.indexOf(child)];
}

function conflictOf(answers: readonly Answer<unknown>[]): GlfsError | undefined {
  return answers.find(({ error }) => isGlfsError(error, 'EAGAIN'))?.error;
}

/** Members that have it, or may have it. */
function doubtful(answers: readonly Answer<unknown>[]): Subvolume[] {
  return answers
    .filter(({ error }) => error === undefined || error.outcome === 'unknown')
    .map(({ child }) => child);
}

async function dropOn<K extends FopName>(
  state: LockedSet,
  children: readonly Subvolume[],
  holder: CallContext,
  locking: Locking<K>,
): Promise<void> {
  for (const { child, error } of await windAll(children, (one) => locking.drop(one, holder))) {
    // EINVAL: it did not have the lock.
    if (error === undefined || isGlfsError(error, 'ENOTCONN', 'EINVAL')) continue;
    const details = { translator: state.name, subvolume: child.name, error };
    state.log.warn(details, 'a lock could not be dropped');
  }
}

import { GlfsError, isGlfsError } from '../../../errors.ts';
import { type CallContext, detached, type Fd, type Reply, type Request } from '../../../graph/index.ts';
import { gfidKey } from '../../../protocol/gfid.ts';
import { LockCommand, LockType } from '../../../protocol/messages.ts';
import { type HeldLock, heldLock, type LockedRange, overlaps, toFlock } from '../../held-locks.ts';
import { has, indicesOf } from '../children.ts';
import { callMembers, requireSuccess } from '../everywhere.ts';
import { combined, type Failure, wind } from '../wind.ts';
import { type Attempt, bookOf, type LockBook, type SpreadLock, without } from './lock-book.ts';
import { isHeld, lose, mendLocks } from './lock-heal.ts';
import type { LockedSet, LockPart } from './locked-set.ts';

/**
 * POSIX locks of applications: on all members that are there, in the order of the volfile, so that of two who want the same
 * one gets it and neither waits for the other for ever. Held is what a quorum holds; a member that refuses it refuses it for
 * all. (lock-heal.ts keeps it there.)
 */
export const lk: LockPart<'lk'> = (state, request, context) => {
  if (request.command === LockCommand.GET) return probe(state, request, context);
  if (request.type === LockType.UNLOCK) return unlock(state, request, context);
  return acquire(state, request, detached(context));
};

/** F_GETLK: a lock on any member would be in the way. */
async function probe(state: LockedSet, request: Request<'lk'>, context: CallContext): Promise<Reply<'lk'>> {
  state.requireQuorum();
  const outcome = await callMembers<'lk'>(state, state.up, (child) => child.lk(request, context));
  const first = requireSuccess(state, outcome);
  return outcome.replies.find(({ flock }) => flock.type !== LockType.UNLOCK) ?? first;
}

/** A member that is lost has lost the lock, too. */
async function unlock(state: LockedSet, request: Request<'lk'>, context: CallContext): Promise<Reply<'lk'>> {
  const { fd } = request;
  const book = bookOf(state);
  const lock = heldLock(request, context);
  // Forgotten first: a member that comes back meanwhile must not be given what is being given up.
  for (const attempt of book.rivals(fd, lock)) attempt.on.clear();
  book.held.granted(fd, { ...lock, type: LockType.UNLOCK, on: new Set(), interrupted: false });
  const { reply, error } = await book.inTurn(gfidKey(fd.inode.gfid), () =>
    callMembers<'lk'>(state, withLocks(state, book), (child) => child.lk(request, detached(context))),
  );
  if (reply === undefined) throw error;
  return reply;
}

/** Members that may hold locks: those that take part, and those that are just getting theirs back. */
export function withLocks(state: LockedSet, book: LockBook): number {
  const present = indicesOf(state.all).filter((index) => book.isPresent(state.children[index]!.name));
  return present.reduce((set, index) => set | (1 << index), state.up);
}

async function acquire(state: LockedSet, request: Request<'lk'>, context: CallContext): Promise<Reply<'lk'>> {
  state.requireQuorum();
  const book = bookOf(state);
  const { fd } = request;
  const attempt: Attempt = { ...heldLock(request, context), fd, on: new Set(), touched: new Set() };
  book.attempts.add(attempt);
  try {
    for (;;) {
      const sweep = await sweepMembers(state, book, attempt, request, context);
      const key = gfidKey(fd.inode.gfid);
      const reply = await book.inTurn(key, () => conclude(state, book, attempt, request, sweep));
      if (reply !== undefined) return reply;
    }
  } finally {
    book.attempts.delete(attempt);
    mendLocks(state);
  }
}

interface Sweep {
  reply?: Reply<'lk'>;
  /** Somebody else has it. */
  conflict?: GlfsError;
  readonly failed: (Failure & { readonly index: number })[];
}

/** One member after the other, as all clients do; on each it may have to wait. */
async function sweepMembers(
  state: LockedSet,
  book: LockBook,
  attempt: Attempt,
  request: Request<'lk'>,
  context: CallContext,
): Promise<Sweep> {
  const sweep: Sweep = { failed: [] };
  for (let index = 0; index < state.children.length && sweep.conflict === undefined; index++)
    if (has(state.up, index)) await takeOn(state, book, attempt, sweep, index, request, context);
  return sweep;
}

async function takeOn(
  state: LockedSet,
  book: LockBook,
  attempt: Attempt,
  sweep: Sweep,
  index: number,
  request: Request<'lk'>,
  context: CallContext,
): Promise<void> {
  const child = state.children[index]!;
  const loss = book.lossesOf(child.name);
  const { reply, error } = await wind(child, () => child.lk(request, context));
  if (error === undefined) {
    attempt.touched.add(index);
    sweep.reply ??= reply;
    if (book.lossesOf(child.name) === loss) attempt.on.add(child.name);
    return;
  }
  if (error.outcome === 'unknown') attempt.touched.add(index);
  if (isGlfsError(error, 'EAGAIN')) sweep.conflict = error;
  else sweep.failed.push({ child, error, index });
}

/** Granted, refused, or, undefined, to be waited for once more. */
async function conclude(
  state: LockedSet,
  book: LockBook,
  attempt: Attempt,
  request: Request<'lk'>,
  sweep: Sweep,
): Promise<Reply<'lk'> | undefined> {
  const waits = request.command === LockCommand.SET_WAIT;
  if (sweep.conflict === undefined) await complete(state, book, attempt, request, sweep);
  const { fd, on, touched: _touched, ...lock } = attempt;
  const refused = sweep.conflict !== undefined && !waits;
  if (!refused && fd.poisoned === undefined && sweep.reply !== undefined && isHeld(state, attempt)) {
    book.held.granted(fd, { ...lock, on: new Set(on), interrupted: false });
    return sweep.reply;
  }
  await rollBack(state, book, attempt);
  if (fd.poisoned !== undefined)
    throw new GlfsError('EBADFD', fd.poisoned.message, { translator: state.name, cause: fd.poisoned });
  if (sweep.conflict !== undefined) {
    if (refused) throw sweep.conflict;
    return undefined;
  }
  if (sweep.failed.length > 0) throw combined(sweep.failed, state.name);
  throw state.tooFew(state.up);
}

/** Members that lost the lock while others were waited for, and those that came meanwhile. */
async function complete(
  state: LockedSet,
  book: LockBook,
  attempt: Attempt,
  request: Request<'lk'>,
  sweep: Sweep,
): Promise<void> {
  const failed = new Set(sweep.failed.map(({ index }) => index));
  const again = { ...request, command: LockCommand.SET };
  for (const index of indicesOf(state.up)) {
    if (failed.has(index) || attempt.on.has(state.children[index]!.name)) continue;
    // Others' turn is kept where this is refused: nobody waits here while holding what comes behind in the order.
    await takeOn(state, book, attempt, sweep, index, again, attempt.context);
    if (sweep.conflict !== undefined) return;
  }
}

/** Back to what the owner held before: what it had of the range must not be dropped with the rest. */
async function rollBack(state: LockedSet, book: LockBook, attempt: Attempt): Promise<void> {
  const before = heldBefore(book, attempt);
  const children = [...attempt.touched].map((index) => state.children[index]!);
  attempt.touched.clear();
  attempt.on.clear();
  await Promise.all(
    children.map(async (child) => {
      for (const { fd, part, lock } of before) {
        const { type, xdata, context } = part;
        const request = { fd, command: LockCommand.SET, type, flock: toFlock(part), xdata };
        const { error } = await wind(child, () => child.lk(request, detached(context)));
        if (error === undefined || isGlfsError(error, 'ENOTCONN')) continue;
        const details = { translator: state.name, subvolume: child.name, gfid: fd.inode.toString(), error };
        state.log.warn(details, 'a lock could not be given back on a member');
        if (lock === undefined) continue;
        lock.on = without(lock.on, child.name);
        if (!isHeld(state, lock)) lose(book, fd, 'locks were lost on too many members', error);
      }
    }),
  );
}

interface Before {
  readonly fd: Fd;
  /** What is to be set: a lock of before, or an unlock. */
  readonly part: HeldLock;
  readonly lock?: SpreadLock;
}

/** The attempt's range as its owner had it before, piece by piece. */
function heldBefore(book: LockBook, attempt: Attempt): Before[] {
  const { fd: own, on: _on, touched: _touched, ...wanted } = attempt;
  const held: Before[] = [];
  for (const [fd, locks] of book.held.ofFile(gfidKey(own.inode.gfid))) {
    for (const lock of locks) {
      if (lock.owner !== attempt.owner || !overlaps(lock, attempt)) continue;
      held.push({ fd, lock, part: { ...lock, ...clipped(lock, attempt) } });
    }
  }
  held.sort((a, b) => (a.part.start < b.part.start ? -1 : 1));
  const all: Before[] = [];
  let at = attempt.start;
  const gap = (end: bigint): void => {
    const part = { ...wanted, type: LockType.UNLOCK, start: at, end, xdata: undefined };
    if (at < end) all.push({ fd: own, part });
  };
  for (const piece of held) {
    gap(piece.part.start);
    all.push(piece);
    at = piece.part.end;
  }
  gap(attempt.end);
  return all;
}

function clipped(range: LockedRange, to: LockedRange): LockedRange {
  let { start, end } = range;
  if (start < to.start) ({ start } = to);
  if (end > to.end) ({ end } = to);
  return { start, end };
}

import { GlfsError, isGlfsError, toGlfsError } from '../../../errors.ts';
import type { Fd, GraphEvent, Subvolume, Translator } from '../../../graph/index.ts';
import { LockCommand } from '../../../protocol/messages.ts';
import { toFlock } from '../../held-locks.ts';
import type { ChildSet } from '../children.ts';
import { bookOf, type LockBook, membersNamed, type SpreadLock, without } from './lock-book.ts';
import type { LockedSet } from './locked-set.ts';

/** Files whose locks are taken again at once. */
const AT_ONCE = 16;
/** Until locks that a member refused are asked for again: somebody may have given them back by then. */
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;

/** The translator of `state` keeps applications' locks from now on; it hears of locks that are lost. */
export function keepLocks(state: LockedSet, emit: (event: GraphEvent) => void): void {
  bookOf(state).attach(state, emit);
}

/** The graph is being closed. */
export function leaveLocks(state: LockedSet): void {
  bookOf(state).detach(state);
}

/**
 * Takes the applications' locks on a member that has come (back). Undefined where there are none: the member may take part at
 * once. The promise never rejects, and settles in time, whatever the member does. Locks that a quorum has held all the time may
 * be missing on this member: they are asked for again. Where there was a time without a quorum, another client may have had the
 * lock: if it has it now, the fd is poisoned.
 */
export function healLocks(state: LockedSet, index: number): Promise<void> | undefined {
  const book = bookOf(state);
  const child = state.children[index]!;
  book.came(child.name);
  if (book.held.empty) return undefined;
  return book.once(child.name, () => inTime(state, book, child, retakeAll(state, book, child)));
}

/** The connection to a member is gone, and with it what it had of the locks. */
export function loseMember(state: LockedSet, index: number): void {
  const book = bookOf(state);
  const { name } = state.children[index]!;
  // The newest graph knows better where both have the member: in an older one it may be a brick that was replaced.
  const known = book.current?.children.some((child) => child.name === name) === true;
  if (known && book.current !== state) return;
  book.lost(name);
  const now = book.current ?? state;
  for (const { lock } of book.all()) if (!isHeld(now, lock)) lock.interrupted = true;
  const strict = hasStrictLocks(state.children);
  giveUp(now, book, now.up, strict, 'too few members hold the locks');
}

/**
 * Where enough members are there to read and write, enough of them must hold the locks: otherwise another client could have
 * them and write as well. While too few are there, nothing is done without the locks.
 */
function giveUp(state: LockedSet, book: LockBook, up: ChildSet, strict: boolean, why: string): void {
  if (!strict && !state.enough(up)) return;
  for (const { fd, lock } of [...book.all()]) if (!isHeld(state, lock)) lose(book, fd, why);
}

/** Asks for locks that members lack while they take part: they were refused, or a member came while a lock was being taken. */
export function mendLocks(state: LockedSet, delay = 0): void {
  const book = bookOf(state);
  if (missing(state, book).length === 0) return;
  book.later(delay, () => {
    const now = book.current;
    if (now === undefined) return;
    now.background('asking for missing locks', async () => {
      await Promise.all(
        missing(now, book).map(([key, fd, child]) =>
          book.inTurn(key, async () => {
            for (const lock of book.held.of(fd)) {
              if (lock.on.has(child.name) || !now.isUp(child)) continue;
              // Who is taking it over anyway will ask all members; two at once could end in any order.
              if (book.rivals(fd, lock).length > 0) continue;
              await retake(now, book, child, fd, lock);
            }
          }),
        ),
      );
      mendLocks(now, Math.min(Math.max(2 * delay, FIRST_RETRY), LAST_RETRY));
    });
  });
}

/** Members that are there without locks that they should have. */
function missing(state: LockedSet, book: LockBook): [string, Fd, Subvolume][] {
  const present = state.children.filter(({ name }) => book.isPresent(name));
  return book.held
    .keys()
    .flatMap((key) =>
      [...book.held.ofFile(key)].flatMap(([fd, locks]) =>
        present
          .filter(({ name }) => locks.some((lock) => !lock.on.has(name)))
          .map((child): [string, Fd, Subvolume] => [key, fd, child]),
      ),
    );
}

/** The promise of the heal, but no longer than the book's patience. */
async function inTime(
  state: LockedSet,
  book: LockBook,
  child: Subvolume,
  work: Promise<void>,
): Promise<void> {
  const loss = book.lossesOf(child.name);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, book.patience);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
  if (book.lossesOf(child.name) !== loss) return;
  const up = state.up | (1 << state.indexOf(child));
  giveUp(state, book, up, false, `${child.name} takes part without the locks`);
  mendLocks(state, FIRST_RETRY);
}

async function retakeAll(state: LockedSet, book: LockBook, child: Subvolume): Promise<void> {
  const { name } = child;
  const loss = book.lossesOf(name);
  const keys = book.held.keys();
  const one = async (): Promise<void> => {
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) await book.inTurn(key, ofFile(key));
  };
  const ofFile = (key: string) => async (): Promise<void> => {
    for (const [fd, locks] of [...book.held.ofFile(key)]) {
      for (const lock of locks) {
        if (book.lossesOf(name) !== loss) return;
        // A graph that is new takes all of them, since the brick behind the name may be another one.
        if (lock.on.has(name) && book.rivals(fd, lock).length > 0) continue;
        await retake(state, book, child, fd, lock);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** Takes one lock on one member, without waiting for those who have it there. */
async function retake(
  state: LockedSet,
  book: LockBook,
  child: Subvolume,
  fd: Fd,
  lock: SpreadLock,
): Promise<void> {
  const { name } = child;
  const loss = book.lossesOf(name);
  const { type, xdata, context } = lock;
  try {
    await child.lk({ fd, command: LockCommand.SET, type, flock: toFlock(lock), xdata }, context);
    if (book.lossesOf(name) !== loss) return;
    lock.on = new Set(lock.on).add(name);
    if (isHeld(state, lock)) lock.interrupted = false;
  } catch (thrown) {
    const error = toGlfsError(thrown);
    if (book.lossesOf(name) !== loss || isGlfsError(error, 'ENOTCONN')) return;
    lock.on = without(lock.on, name);
    state.log.warn(
      { translator: state.name, subvolume: name, gfid: fd.inode.toString(), error },
      'a lock could not be taken on a member',
    );
    // What was unlocked meanwhile is nobody's loss.
    const held = book.held.of(fd).includes(lock);
    if (held && (lock.interrupted || !isHeld(state, lock)))
      lose(book, fd, 'too few members have kept the locks, and they could not be taken again', error);
  }
}

/** Enough members hold the lock that nobody else can have it. */
export function isHeld(state: LockedSet, { on }: Pick<SpreadLock, 'on'>): boolean {
  return state.enough(membersNamed(state, on));
}

export function lose(book: LockBook, fd: Fd, why: string, cause?: GlfsError): void {
  book.poison(fd, new GlfsError('EBADFD', why, { cause }));
}

/** `client.strict-locks` is an option of the bricks' clients: whoever sets it sets it for all of them. */
function hasStrictLocks(children: readonly Subvolume[]): boolean {
  return children.some(({ translator }) => isStrict(translator));
}

function isStrict({ options, children }: Translator): boolean {
  return (options as Readonly<Record<string, unknown>>)['strict-locks'] === true || hasStrictLocks(children);
}

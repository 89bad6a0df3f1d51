import { GlfsError } from '../../../errors.ts';
import type { Fd, GraphEvent } from '../../../graph/index.ts';
import { gfidKey } from '../../../protocol/gfid.ts';
import { type HeldLock, HeldLocks, type LockedRange, overlaps } from '../../held-locks.ts';
import { type ChildSet, childSet } from '../children.ts';
import type { LockedSet } from './locked-set.ts';

/** A POSIX lock of an application. Members are known by the names of their subvolumes, which the next graph has, too. */
export interface SpreadLock extends HeldLock {
  /** Members that hold it. */
  on: ReadonlySet<string>;
  /** There was a time when too few members held it: another client may have had it since. */
  interrupted: boolean;
}

/** A lock that is being taken, member by member. */
export interface Attempt extends HeldLock {
  readonly fd: Fd;
  /** Members that hold it and have not been lost since. */
  readonly on: Set<string>;
  /** Positions of members that may hold something of it. */
  readonly touched: Set<number>;
}

/** A translator that uses the book. */
interface Reader {
  readonly state: LockedSet;
  readonly emit: (event: GraphEvent) => void;
}

/**
 * The POSIX locks that applications hold, and on which members. It outlives graphs, as the locks do, and belongs to all
 * volumes of the process that are the same.
 */
export class LockBook {
  readonly held = new HeldLocks<SpreadLock>();
  readonly attempts = new Set<Attempt>();
  /** Milliseconds after which a member that does not answer lock calls takes part without the locks. */
  patience = 10_000;
  /** Members whose connection is there, those included that get their locks back at this moment. */
  private readonly present = new Set<string>();
  private readonly losses = new Map<string, number>();
  private readonly healing = new Map<string, { readonly loss: number; readonly done: Promise<void> }>();
  private readonly turns = new Map<string, Promise<void>>();
  private readonly readers: Reader[] = [];
  private timer: NodeJS.Timeout | undefined;
  private due = 0;

  attach(state: LockedSet, emit: (event: GraphEvent) => void): void {
    this.readers.push({ state, emit });
  }

  detach(state: LockedSet): void {
    const at = this.readers.findIndex((reader) => reader.state === state);
    if (at >= 0) this.readers.splice(at, 1);
  }

  /** The newest graph's: what goes on without a caller is done through it. */
  get current(): LockedSet | undefined {
    return this.readers.at(-1)?.state;
  }

  /** Counts losses of the connection: what was granted under another number is gone. */
  lossesOf(name: string): number {
    return this.losses.get(name) ?? 0;
  }

  came(name: string): void {
    this.present.add(name);
  }

  /** The connection to a member has ended, and its locks with it. */
  lost(name: string): void {
    this.losses.set(name, this.lossesOf(name) + 1);
    this.present.delete(name);
    for (const attempt of this.attempts) attempt.on.delete(name);
    for (const { lock } of this.all()) lock.on = without(lock.on, name);
  }

  isPresent(name: string): boolean {
    return this.present.has(name);
  }

  *all(): Generator<{ fd: Fd; lock: SpreadLock }> {
    for (const fd of this.held.fds()) for (const lock of this.held.of(fd)) yield { fd, lock };
  }

  /** Attempts of the lock's owner at bytes that it has. */
  rivals(fd: Fd, lock: HeldLock): Attempt[] {
    const key = gfidKey(fd.inode.gfid);
    return [...this.attempts].filter(
      (attempt) =>
        attempt.owner === lock.owner &&
        gfidKey(attempt.fd.inode.gfid) === key &&
        overlaps(attempt, lock as LockedRange),
    );
  }

  /** Whether anything of the file's locks is kept, or is being changed on the members. */
  concerns(fd: Fd): boolean {
    const key = gfidKey(fd.inode.gfid);
    return this.held.ofFile(key).size > 0 || this.turns.has(key);
  }

  /** One after the other for each file: taking a lock again must not come behind its unlock. */
  async inTurn<T>(key: string, body: () => Promise<T>): Promise<T> {
    const turn = (this.turns.get(key) ?? Promise.resolve()).then(body);
    const ended = turn.then(nothing, nothing);
    this.turns.set(key, ended);
    try {
      return await turn;
    } finally {
      if (this.turns.get(key) === ended) this.turns.delete(key);
    }
  }

  /** Runs the heal of one member's locks, once for each time that it came back. */
  once(name: string, heal: () => Promise<void>): Promise<void> {
    const loss = this.lossesOf(name);
    const running = this.healing.get(name);
    if (running?.loss === loss) return running.done;
    const done = heal().finally(() => {
      if (this.healing.get(name)?.done === done) this.healing.delete(name);
    });
    this.healing.set(name, { loss, done });
    return done;
  }

  /** What the application does on the fd from now on would be done without its locks. */
  poison(fd: Fd, reason: GlfsError): void {
    fd.poisoned ??= reason;
    this.held.released(fd);
    for (const { state, emit } of [...this.readers]) {
      state.log.error({ translator: state.name, gfid: fd.inode.toString(), error: reason }, 'locks lost');
      emit({ kind: 'locks-lost', gfid: fd.inode.gfid, reason });
    }
  }

  /** Calls `work` after a while; of several that are asked for, the one that comes first. */
  later(milliseconds: number, work: () => void): void {
    const due = performance.now() + milliseconds;
    if (this.timer !== undefined && this.due <= due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      work();
    }, milliseconds).unref();
  }

  /** The last graph is gone, and the connections with it: whoever holds locks shall not believe that they are there. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    const reason = new GlfsError('EBADFD', 'the volume was given up with locks held on it');
    for (const fd of this.held.fds()) this.poison(fd, reason);
  }
}

/** The members of the graph that bear these names. */
export function membersNamed(state: LockedSet, names: ReadonlySet<string>): ChildSet {
  return childSet(state.children.flatMap(({ name }, index) => (names.has(name) ? [index] : [])));
}

export function without(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  return names.has(name) ? new Set([...names].filter((other) => other !== name)) : names;
}

const books = new WeakMap<LockedSet, LockBook>();

export function bookOf(state: LockedSet): LockBook {
  let book = books.get(state);
  if (book === undefined) {
    const { environment, name } = state;
    const { volume, connection, scope } = environment;
    const volumeId =
      state.volumeId ?? connection?.volumeId ?? `${connection?.volfileHost}:${connection?.managerPort}`;
    const key = `locks ${JSON.stringify([volumeId, volume, name, connection?.subdirectory, scope])}`;
    book = environment.share(key, () => new LockBook());
    books.set(state, book);
  }
  return book;
}

function nothing(): void {}

import { type GlfsError, isGlfsError, toGlfsError } from '../../../../errors.ts';
import type { CallContext } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { keys } from '../../../../protocol/keys.ts';
import { NO_CHILDREN } from '../../children.ts';
import { dataLockee, type FileTarget, WHOLE_FILE } from '../../locking/lockees.ts';
import { type Locks, takeLocks } from '../../locking/locks.ts';
import { agreedOn } from '../answers.ts';
import { suspect } from '../heal/index.ts';
import type { DisperseState } from '../state.ts';
import type { Held, LockTarget } from './held.ts';
import { Span } from './span.ts';
import { type Turn, Turns, turnOf } from './turns.ts';

const MILLISECONDS = 1000;

/**
 * Bricks tell holders of a lock at most every so many milliseconds that another client waits (notify-contention-delay of
 * features/locks): for that long after the last time nobody keeps a lock in vain.
 */
const SHARED = 5000;

/** How an operation under the lock has ended; `unused`: it has not begun. */
export type Ending = 'done' | 'unused' | { readonly error: unknown };

/** A lock that an operation has: `held` is for the operation. */
export interface Seat {
  readonly held: Held;
  /**
   * The operation is over; must be called once. Resolves, at once or where somebody was left behind after the post-op, with
   * the error that its caller must get though it has succeeded.
   */
  leave(ending: Ending): Promise<GlfsError | undefined>;
}

export interface InodeLockSetup {
  readonly state: DisperseState;
  readonly file: LockedFile;
  /** Carries the owner of the locks. */
  readonly context: CallContext;
  /** Nobody uses it any more, and nothing is locked. */
  gone(): void;
}

/** An inode as its lock knows it, with the fd of the last operation. */
export interface LockedFile extends FileTarget {
  fd?: FileTarget['fd'];
}

/**
 * GlusterFS's eager lock: the lock of one inode on all subvolumes that are up, that outlives the operation for which it was
 * taken. It is given up, counters first, when nobody has used it for `eager-lock-timeout`, when another client waits for it,
 * when a subvolume has come or gone, and when somebody was left behind; operations that come then wait for the next one.
 */
export class InodeLock {
  private phase: 'taking' | 'held' | 'closing' | 'releasing' = 'taking';
  private readonly turns = new Turns();
  /** Those that came while the lock was being given up. */
  private later: Turn[] = [];
  /** Operations whose callers wait for the post-op. */
  private deferred: ((error: GlfsError | undefined) => void)[] = [];
  private enders: (() => void)[] = [];
  private locks: Locks | undefined;
  private span: Span | undefined;
  /** To be given up as soon as it is there. */
  private wanted = false;
  private timer: NodeJS.Timeout | undefined;
  private idleSince = 0;

  constructor(private readonly setup: InodeLockSetup) {
    // Whoever opens it enters in the same tick.
    void this.take();
  }

  /** Waits for its turn, and until the counters are as `target` needs them. */
  async enter(target: LockTarget): Promise<Seat> {
    const { state, file } = this.setup;
    file.fd = target.fd ?? file.fd;
    if (this.phase === 'held' && this.locks!.generation !== state.generation) this.close();
    let turn!: Turn;
    await new Promise<void>((resolve, reject) => {
      turn = turnOf(target, state.options['parallel-writes'], resolve, reject);
      if (this.phase === 'closing' || this.phase === 'releasing') this.later.push(turn);
      else if (this.phase === 'taking') this.turns.queue(turn);
      else if (this.turns.enter(turn)) this.begin(turn);
    });
    return this.seat(turn, this.span!);
  }

  /** Gives the lock up as soon as those under way are through. */
  close(): void {
    this.wanted = true;
    if (this.phase !== 'held') return;
    this.phase = 'closing';
    this.later = [...this.turns.takeWaiting(), ...this.later];
    this.next();
  }

  /** Another client wants the lock: it is given up, and not kept for a while. */
  share(): void {
    const { state, file } = this.setup;
    state.file(file.inode).sharedUntil = performance.now() + SHARED;
    this.close();
  }

  /** Brings versions and size up to date; what comes of it is kept for who asks (FileState.late). */
  async flush(): Promise<void> {
    const { state, file } = this.setup;
    // The post-op does it.
    if (this.phase !== 'held') return this.phase === 'taking' ? undefined : this.ended();
    let seat: Seat;
    try {
      seat = await this.enter({ inode: file.inode, query: false });
    } catch {
      // Whoever has changed anything was told: nothing is owed.
      return;
    }
    try {
      await seat.held.commit();
    } catch (thrown) {
      state.file(file.inode).late = toGlfsError(thrown);
    }
    await seat.leave('unused');
  }

  /** Gives the lock up; resolves when the counters are right and it is given back. */
  ended(): Promise<void> {
    this.close();
    return new Promise((resolve) => this.enders.push(resolve));
  }

  private async take(): Promise<void> {
    const { state, file, context } = this.setup;
    this.wanted = false;
    const locks = await takeLocks(state, [dataLockee(file, state.domain, WHOLE_FILE)], context);
    this.locks = locks;
    if (!state.readableWith(locks.held)) {
      const { error } = locks;
      // Who says that it is not there any more, or may not be locked, says more than who could not be asked.
      const why = error === undefined || isGlfsError(error, 'ENOTCONN') ? state.tooFew(locks.held) : error;
      for (const turn of this.turns.takeWaiting()) turn.reject(why);
      this.phase = 'releasing';
      await this.unlock();
      return;
    }
    this.span = new Span(state, file, locks, context);
    this.phase = 'held';
    if (locks.generation !== state.generation) this.wanted = true;
    for (const turn of this.turns.ready()) this.begin(turn);
    if (this.wanted) this.close();
    else this.next();
  }

  private begin(turn: Turn): void {
    const waiting = this.span!.prepare(turn.target);
    if (waiting === undefined) turn.resolve();
    else waiting.then(turn.resolve, (error: unknown) => this.failed(turn, error));
  }

  /** Nothing was changed; what is held will not do. */
  private failed(turn: Turn, error: unknown): void {
    turn.reject(error);
    this.turns.leave(turn);
    this.close();
    this.next();
  }

  private seat(turn: Turn, span: Span): Seat {
    const { target } = turn;
    const held: Held = {
      inode: target.inode,
      grant: span,
      get good() {
        return span.good;
      },
      get healing() {
        return span.healing;
      },
      get size() {
        return span.size;
      },
      set size(bytes) {
        span.size = bytes;
      },
      narrow: (agreed) => span.narrow(agreed),
      commit: () => this.commit(span),
      asking: (xdata) =>
        (xdata === undefined ? new Dict() : xdata.clone()).set(
          keys.inodelkDomainCount,
          this.setup.state.domain,
        ),
      answered: (xdata) => {
        // Those that wait count, too.
        if ((xdata?.get(keys.inodelkCount) ?? 0) > 1) this.share();
      },
    };
    return { held, leave: (ending) => this.leave(turn, span, ending) };
  }

  private async commit(span: Span): Promise<void> {
    const { state, file } = this.setup;
    const known = state.file(file.inode);
    const { late } = known;
    known.late = undefined;
    await span.commit();
    if (late !== undefined) throw late;
  }

  private leave(turn: Turn, span: Span, ending: Ending): Promise<GlfsError | undefined> {
    const { target } = turn;
    let deferred: Promise<GlfsError | undefined> | undefined;
    if (ending === 'done') {
      if (span.succeeded(target)) deferred = new Promise((resolve) => this.deferred.push(resolve));
    } else if (ending !== 'unused' && !refused(span, target, ending.error)) {
      span.doubtful(target);
      this.close();
    }
    this.turns.leave(turn);
    if (deferred !== undefined) this.close();
    this.next();
    return deferred ?? Promise.resolve(undefined);
  }

  private next(): void {
    if (this.phase === 'held') for (const turn of this.turns.ready()) this.begin(turn);
    if (!this.turns.idle) return;
    if (this.phase === 'closing') void this.release();
    else if (this.phase === 'held') this.linger();
  }

  /** Nobody is there: waits for the next operation for a while. */
  private linger(): void {
    const { state, file } = this.setup;
    const shared = performance.now() < state.file(file.inode).sharedUntil;
    if (!this.eager || shared || this.span!.partial || state.closing.signal.aborted) {
      this.close();
      return;
    }
    this.idleSince = performance.now();
    this.timer ??= this.wake(this.patience);
  }

  private get regular(): boolean {
    return this.setup.file.inode.type === 'file';
  }

  private get eager(): boolean {
    return this.setup.state.options[this.regular ? 'eager-lock' : 'other-eager-lock'];
  }

  /** Milliseconds for which the lock is kept idle. */
  private get patience(): number {
    const { options } = this.setup.state;
    return options[this.regular ? 'eager-lock-timeout' : 'other-eager-lock-timeout'] * MILLISECONDS;
  }

  /** One timer serves a whole stream: it looks how long nobody has been there, and goes on where that is too short. */
  private wake(after: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timer = undefined;
      if (this.phase !== 'held' || !this.turns.empty) return;
      const left = this.idleSince + this.patience - performance.now();
      if (left < 1) this.close();
      else this.timer = this.wake(left);
    }, after);
    return timer.unref();
  }

  private async release(): Promise<void> {
    const { state, file } = this.setup;
    const span = this.span!;
    this.phase = 'releasing';
    clearTimeout(this.timer);
    this.timer = undefined;
    let late: GlfsError | undefined;
    try {
      late = await span.end();
    } catch (thrown) {
      late = toGlfsError(thrown);
    }
    if (late !== undefined) {
      late = late.with({ outcome: 'unknown' });
      // Those that were answered before hear of it when they bring the file to disk.
      state.file(file.inode).late = late;
      state.log.warn(
        { translator: state.name, gfid: file.inode.toString(), error: late },
        'a post-op failed',
      );
    }
    const { deferred } = this;
    this.deferred = [];
    for (const answer of deferred) answer(late);
    const { partial } = span;
    await this.unlock();
    if (partial) suspect(state, file.inode);
  }

  /** The locks are gone; whoever came meanwhile has the next ones. */
  private async unlock(): Promise<void> {
    await this.locks?.drop();
    this.locks = this.span = undefined;
    const { enders } = this;
    this.enders = [];
    for (const done of enders) done();
    if (this.later.length === 0) {
      this.setup.gone();
      return;
    }
    for (const turn of this.later) this.turns.queue(turn);
    this.later = [];
    this.phase = 'taking';
    await this.take();
  }
}

/** Whether it is certain that nobody who takes part has done what has ended with `error`. */
function refused(span: Span, target: LockTarget, error: unknown): boolean {
  if (target.changes === undefined) return true;
  const agreed = agreedOn(error);
  if (agreed === undefined) return isGlfsError(error) && error.outcome === 'failed';
  const { good } = span;
  span.narrow(agreed);
  return (good & ~agreed) === NO_CHILDREN;
}

import { type GlfsError, toGlfsError } from '../../../../errors.ts';
import { type CallContext, detached, type Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { keys } from '../../../../protocol/keys.ts';
import type { FileTarget, Lockee } from '../../locking/lockees.ts';
import { type Locks, takeLocks } from '../../locking/locks.ts';
import type { ReplicateState } from '../state.ts';
import { changeUnder, leavesUnstable } from './alone.ts';
import { Marking } from './marking.ts';
import { answer, speaker } from './reply.ts';
import { type Deferred, type Turn, Turns } from './turns.ts';
import { type Answers, isUnanimous, judge, type Verdict } from './verdict.ts';
import { windCopies } from './winding.ts';

const MILLISECONDS = 1000;

/**
 * Bricks tell holders of a lock at most every so many milliseconds that another client waits (notify-contention-delay of
 * features/locks): for that long after the last time nobody keeps a lock in vain.
 */
const SHARED = 5000;

/** A file as its lock knows it: the fd is that of the last change, for what is to be done after it. */
export interface LockedFile extends FileTarget {
  fd?: FileTarget['fd'];
}

export interface FileLockSetup {
  readonly state: ReplicateState;
  readonly kind: 'data' | 'metadata';
  readonly file: LockedFile;
  readonly lockee: Lockee;
  /** Carries the owner of the locks. */
  readonly context: CallContext;
  /** Locks in the domain that this client has on the file itself. */
  ownLocks(): number;
  /** Nobody uses it any more, and nothing is locked. */
  gone(): void;
}

/**
 * GlusterFS's eager lock: the lock of one file, for its data or its attributes, that outlives the change for which it was
 * taken. Under the lock of data the marks stay, too, so that a stream of writes sets them once; changes of attributes set
 * their own. It is given up, marks first, when nothing has been written for a while, when another client waits for it, when
 * a copy has come or gone, and when a change has failed on some copy; changes that come then wait for the next lock.
 */
export class FileLock {
  private phase: 'taking' | 'held' | 'closing' | 'releasing' = 'taking';
  private readonly turns = new Turns();
  /** Those that came while the lock was being given up. */
  private later: Turn[] = [];
  private deferred: Deferred[] = [];
  private waiters: (() => void)[] = [];
  private enders: (() => void)[] = [];
  private locks: Locks | undefined;
  private marking: Marking | undefined;
  /** Another client waits: this lock serves those that are there, and no more. */
  private wanted = false;
  /** Marks of attributes that are being set after their callers were answered. */
  private unfinished = 0;
  /** The copy whose replies callers get, as long as all agree. */
  private speaker: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private idleSince = 0;
  /** By the last change: it is worth while to wait for the next. */
  private lingers = false;

  constructor(private readonly setup: FileLockSetup) {
    // Whoever opens it enters in the same tick.
    void this.take();
  }

  /** Locked, or about to be. */
  get counts(): boolean {
    return this.phase !== 'releasing';
  }

  enter(turn: Turn): void {
    const { state, file } = this.setup;
    file.fd = turn.fd ?? file.fd;
    if (this.phase === 'held' && this.locks!.generation !== state.generation) this.close();
    if (this.phase === 'closing' || this.phase === 'releasing') this.later.push(turn);
    else if (this.phase === 'taking') this.turns.queue(turn);
    else if (this.turns.enter(turn)) this.begin(turn);
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

  /** Gives the lock up; resolves when all marks of changes that have begun are set. */
  settled(): Promise<void> {
    this.close();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** Gives the lock up; resolves when it is given back. */
  ended(): Promise<void> {
    this.close();
    return new Promise((resolve) => this.enders.push(resolve));
  }

  private async take(): Promise<void> {
    const { state, kind, file, lockee, context } = this.setup;
    this.wanted = false;
    try {
      this.locks = await takeLocks(state, [lockee], context);
      if (kind === 'data') this.marking = await Marking.begin(state, kind, [file], this.locks, context);
      else this.locks.require();
    } catch (thrown) {
      const error = toGlfsError(thrown);
      for (const turn of this.turns.takeWaiting()) turn.reject(error);
      this.phase = 'releasing';
      await this.unlock();
      return;
    }
    this.phase = 'held';
    for (const turn of this.turns.ready()) this.begin(turn);
    if (this.wanted || this.locks.generation !== state.generation) this.close();
    else this.next();
  }

  private begin(turn: Turn): void {
    if (this.setup.kind === 'data') this.write(turn);
    else void this.change(turn);
  }

  private write(turn: Turn): void {
    const { state } = this.setup;
    const marking = this.marking!;
    // What an fsync brings to disk is what was written before it.
    const sequence = marking.writes;
    const refusal = marking.refusal();
    if (refusal !== undefined) {
      turn.reject(refusal);
      this.turns.leave(turn);
      this.close();
      this.next();
      return;
    }
    windCopies(state, turn.operation, marking.ready, detached(turn.context), (answers) => {
      try {
        this.written(turn, answers, sequence);
      } catch (error) {
        this.close();
        turn.reject(error);
      }
      this.turns.leave(turn);
      this.next();
    });
  }

  private written(turn: Turn, answers: Answers<FopName>, sequence: number): void {
    const { state } = this.setup;
    const { operation } = turn;
    const marking = this.marking!;
    const { participants } = marking;
    this.lingers = operation.kind === 'data' && operation.lingers;
    if (leavesUnstable(operation, answers)) marking.wrote();
    if (!isUnanimous(operation, answers, participants)) {
      this.judged(turn, judge(state, operation, answers, marking));
      return;
    }
    marking.agreed();
    if (operation.fop === 'fsync') marking.synced(sequence);
    if (this.isWanted(answers)) this.share();
    this.speaker ??= speaker(state, operation, participants);
    const outcome = { answers, participants, succeeded: participants, failed: marking.missing };
    turn.resolve(answer(state, operation, outcome, this.speaker));
  }

  /** Some copies have not made a change. */
  private judged(turn: Turn, verdict: Verdict<FopName>): void {
    const { state } = this.setup;
    const { error, outcome } = verdict;
    const reply = (): Reply<FopName> => answer(state, turn.operation, outcome);
    if (this.marking!.take(verdict)) {
      this.deferred.push({ turn, error, reply });
      this.close();
    } else if (error === undefined) turn.resolve(reply());
    else turn.reject(error);
  }

  /** Replies tell how many locks there are, those that wait included. */
  private isWanted(answers: Answers<FopName>): boolean {
    let most = 0;
    for (const one of answers) most = Math.max(most, one?.reply?.xdata?.get(keys.inodelkCount) ?? 0);
    return most > 1 && most > this.setup.ownLocks();
  }

  /** A change of attributes sets marks of its own. */
  private async change(turn: Turn): Promise<void> {
    const { state, kind, file, context } = this.setup;
    const { operation } = turn;
    this.lingers = operation.fop === 'fxattrop';
    this.unfinished++;
    const finished = async (): Promise<void> => {
      this.unfinished--;
      this.next();
    };
    try {
      const marking = await Marking.begin(state, kind, [{ ...file }], this.locks!, context);
      const { reply, error, failed } = await changeUnder(state, operation, marking, turn.context, finished);
      if (failed) this.close();
      if (reply !== undefined) turn.resolve(reply);
      else turn.reject(error);
    } catch (error) {
      // Nothing was changed; what is held will not do.
      this.unfinished--;
      this.close();
      turn.reject(error);
    }
    this.turns.leave(turn);
    this.next();
  }

  private next(): void {
    if (this.phase === 'held') for (const turn of this.turns.ready()) this.begin(turn);
    if (!this.turns.idle || this.unfinished > 0) return;
    if (this.phase === 'closing') void this.release();
    else if (this.phase === 'held') this.linger();
  }

  /** Nobody is there: waits for the next change for a while. */
  private linger(): void {
    const { state, file } = this.setup;
    const delay = state.options['post-op-delay-secs'] * MILLISECONDS;
    const shared = performance.now() < state.file(file.inode).sharedUntil;
    if (!this.lingers || delay === 0 || shared) {
      this.close();
      return;
    }
    this.idleSince = performance.now();
    this.timer ??= this.wake(delay);
  }

  /** One timer serves a whole stream: it looks how long nobody has been there, and goes on where that is too short. */
  private wake(after: number): NodeJS.Timeout {
    const delay = this.setup.state.options['post-op-delay-secs'] * MILLISECONDS;
    const timer = setTimeout(() => {
      this.timer = undefined;
      if (this.phase !== 'held' || !this.turns.empty) return;
      const left = this.idleSince + delay - performance.now();
      if (left < 1) this.close();
      else this.timer = this.wake(left);
    }, after);
    return timer.unref();
  }

  private async release(): Promise<void> {
    this.phase = 'releasing';
    clearTimeout(this.timer);
    this.timer = undefined;
    let late: GlfsError | undefined;
    try {
      late = await this.marking?.end();
    } catch (thrown) {
      late = toGlfsError(thrown);
    }
    this.answer(late);
    await this.unlock();
  }

  /** Those that had to wait for the marks. */
  private answer(late: GlfsError | undefined): void {
    const { deferred, waiters } = this;
    this.deferred = [];
    this.waiters = [];
    for (const { turn, error, reply } of deferred) {
      if (error !== undefined) turn.reject(error);
      else if (late !== undefined) turn.reject(late.with({ outcome: 'unknown' }));
      else {
        try {
          turn.resolve(reply());
        } catch (thrown) {
          turn.reject(thrown);
        }
      }
    }
    for (const done of waiters) done();
  }

  /** The locks are gone; whoever came meanwhile has the next ones. */
  private async unlock(): Promise<void> {
    await this.locks?.drop();
    this.locks = this.marking = this.speaker = undefined;
    const { enders } = this;
    this.enders = [];
    this.answer(undefined);
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

import type { Changes, LockTarget } from './held.ts';

/** One operation in the queue of an inode. */
export interface Turn {
  readonly target: LockTarget;
  readonly start: number;
  readonly end: number;
  /** It is its turn, and the counters are known. */
  resolve(): void;
  reject(error: unknown): void;
}

/** Where `parallel` is not set (`parallel-writes`), operations that change something run alone, whatever their ranges. */
export function turnOf(
  target: LockTarget,
  parallel: boolean,
  resolve: () => void,
  reject: (error: unknown) => void,
): Turn {
  const { range } = target;
  const whole = range === undefined || !parallel;
  const start = whole ? 0 : range.start;
  const endless = whole || range.length === 0;
  return {
    target,
    start,
    end: endless ? Number.POSITIVE_INFINITY : start + range.length,
    resolve,
    reject,
  };
}

/** Operations under the lock of one inode: first in, first out where they overlap, side by side where they do not. */
export class Turns {
  private readonly active: Turn[] = [];
  private waiting: Turn[] = [];

  get idle(): boolean {
    return this.active.length === 0;
  }

  get empty(): boolean {
    return this.idle && this.waiting.length === 0;
  }

  /** Those under way. */
  get running(): readonly Turn[] {
    return this.active;
  }

  /** Enters a turn; answers whether it may begin at once. */
  enter(turn: Turn): boolean {
    if (blocked(turn, this.active) || blocked(turn, this.waiting)) {
      this.waiting.push(turn);
      return false;
    }
    this.active.push(turn);
    return true;
  }

  /** Enters a turn that may not begin yet. */
  queue(turn: Turn): void {
    this.waiting.push(turn);
  }

  leave(turn: Turn): void {
    const last = this.active.pop()!;
    if (last !== turn) this.active[this.active.indexOf(turn)] = last;
  }

  /** Those that may begin by now; they are active from here on. */
  ready(): Turn[] {
    if (this.waiting.length === 0) return [];
    const ready: Turn[] = [];
    const still: Turn[] = [];
    for (const turn of this.waiting) {
      if (blocked(turn, this.active) || blocked(turn, still)) still.push(turn);
      else {
        this.active.push(turn);
        ready.push(turn);
      }
    }
    this.waiting = still;
    return ready;
  }

  /** Takes out those that have not begun. */
  takeWaiting(): Turn[] {
    const { waiting } = this;
    this.waiting = [];
    return waiting;
  }
}

function blocked(turn: Turn, earlier: readonly Turn[]): boolean {
  for (const one of earlier) {
    if (one.target.shared && turn.target.shared) continue;
    if (one.start < turn.end && turn.start < one.end) return true;
  }
  return false;
}

/** Positions among the counters. */
export const DATA = 0;
export const METADATA = 1;
export type Kind = typeof DATA | typeof METADATA;

const kinds: Record<Changes, readonly Kind[]> = {
  data: [DATA],
  metadata: [METADATA],
  both: [DATA, METADATA],
};

export function kindsOf({ changes }: LockTarget): readonly Kind[] {
  return changes === undefined ? [] : kinds[changes];
}

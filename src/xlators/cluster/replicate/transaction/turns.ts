import type { GlfsError } from '../../../../errors.ts';
import type { CallContext, Fd, Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import type { DataOperation, MetadataOperation, Operation } from '../operation.ts';

/** One change in the queue of a file: what it is about, and whom its end is told. */
export interface Turn {
  readonly operation: Operation<FopName>;
  readonly context: CallContext;
  readonly fd: Fd | undefined;
  readonly start: number;
  readonly end: number;
  /** Waits for what was there before; nobody waits for it. */
  readonly drains: boolean;
  resolve(reply: Reply<FopName>): void;
  reject(error: unknown): void;
}

export function turnOf<K extends FopName>(
  operation: DataOperation<K> | MetadataOperation<K>,
  context: CallContext,
  resolve: (reply: Reply<K>) => void,
  reject: (error: unknown) => void,
): Turn {
  const range = operation.kind === 'data' ? operation.range : undefined;
  const start = range?.start ?? 0;
  return {
    operation: operation as unknown as Operation<FopName>,
    context,
    fd: operation.fd,
    start,
    end: range === undefined || range.length === 0 ? Number.POSITIVE_INFINITY : start + range.length,
    drains: operation.fop === 'fsync',
    resolve: resolve as Turn['resolve'],
    reject,
  };
}

/**
 * Changes of one file under one lock: those that do not overlap run at the same time, overlapping ones in the order in
 * which they came, so that all copies see the same order.
 */
export class Turns {
  private readonly active: Turn[] = [];
  private waiting: Turn[] = [];

  /** Nobody is active or waits. */
  get empty(): boolean {
    return this.active.length === 0 && this.waiting.length === 0;
  }

  get idle(): boolean {
    return this.active.length === 0;
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
    if (!one.drains && one.start < turn.end && turn.start < one.end) return true;
  }
  return false;
}

/** A change whose caller waits until the marks are set. */
export interface Deferred {
  readonly turn: Turn;
  readonly error: GlfsError | undefined;
  /** What it gets where marking succeeds. */
  reply(): Reply<FopName>;
}

import type { CallContext } from './context.ts';
import { throwIfEnded } from './context.ts';
import type { Inode } from './inode.ts';
import { whenEnded } from './patience.ts';

/*
 * Why: one connection gives no ordering. Of two overlapping writes in flight either may win at the brick, and a read sent
 * behind a write may see the old bytes; with replicas they may even win differently on each. So calls of one inode that
 * overlap are put in order here, once, above all cluster translators.
 */

/**
 * - `read` shares its range with other reads and excludes writes;
 * - `write` has its range for itself;
 * - `barrier` has the whole file for itself;
 * - `drain` waits for the writes that came before it; nobody waits for it (fsync, flush);
 * - `settle` waits for everything that came before it; nobody waits for it (release).
 */
export type RangeKind = 'read' | 'write' | 'barrier' | 'drain' | 'settle';

/** One range, in bytes, of one inode that an operation needs. A barrier, drain or settle is about the whole file. */
export interface RangeClaim {
  readonly inode: Inode;
  readonly kind: RangeKind;
  readonly offset: number;
  readonly size: number;
}

const POOL = 1024;
const pool: Claim[] = [];

/** A place in the queue of one inode, reused for later calls. */
class Claim {
  kind: RangeKind = 'read';
  start = 0;
  end = 0;
  /** Earlier claims still in the queue that this one must wait for. */
  blockers = 0;
  queue: RangeQueue | undefined;
  previous: Claim | undefined;
  next: Claim | undefined;
  /** Runs when the last blocker has left. */
  wake: (() => void) | undefined;
  /** Bound once, so that a call which waits for nobody allocates nothing here. */
  readonly leave = (): void => this.queue!.leave(this);

  /** Has its range for itself. */
  writes = false;

  /** Must `this` wait for `earlier`? Most pairs are apart from each other: that is asked early. */
  waitsFor(earlier: Claim): boolean {
    if (this.kind === 'settle') return earlier.kind !== 'settle';
    if (earlier.start >= this.end || this.start >= earlier.end) return false;
    return (earlier.writes || this.writes) && earlier.kind !== 'drain' && earlier.kind !== 'settle';
  }
}

/**
 * The calls on one inode, in order of arrival. A claim counts the earlier ones that it must wait for; who leaves counts
 * down the later ones. So conflicting calls run first in, first out, nobody starves, and no cycle can arise.
 */
class RangeQueue {
  private head: Claim | undefined;
  private tail: Claim | undefined;
  private writers = 0;
  private waiting = 0;

  enter(kind: RangeKind, offset: number, size: number): Claim {
    const claim = pool.pop() ?? new Claim();
    const whole = kind !== 'read' && kind !== 'write';
    claim.queue = this;
    claim.kind = kind;
    claim.writes = kind === 'write' || kind === 'barrier';
    claim.start = whole ? 0 : offset;
    claim.end = whole ? Number.POSITIVE_INFINITY : offset + size;
    claim.blockers = this.count(claim);
    if (claim.blockers > 0) this.waiting++;
    if (claim.writes) this.writers++;
    claim.previous = this.tail;
    if (this.tail === undefined) this.head = claim;
    else this.tail.next = claim;
    this.tail = claim;
    return claim;
  }

  private count(claim: Claim): number {
    // Reads among reads, the most common of all, look at nobody.
    if (this.writers === 0 && !claim.writes && claim.kind !== 'settle') return 0;
    let blockers = 0;
    for (let at = this.head; at !== undefined; at = at.next) if (claim.waitsFor(at)) blockers++;
    return blockers;
  }

  leave(claim: Claim): void {
    if (claim.blockers > 0) this.waiting--;
    const ready = this.waiting > 0 ? this.release(claim) : undefined;
    this.unlink(claim);
    // Whoever wakes may enter or leave at once: the queue must be in order by then.
    ready?.forEach((wake) => {
      wake();
    });
  }

  private release(claim: Claim): (() => void)[] {
    const ready: (() => void)[] = [];
    for (let at = claim.next; at !== undefined; at = at.next) {
      if (at.blockers === 0 || !at.waitsFor(claim) || --at.blockers > 0) continue;
      this.waiting--;
      ready.push(at.wake!);
    }
    return ready;
  }

  private unlink(claim: Claim): void {
    if (claim.previous === undefined) this.head = claim.next;
    else claim.previous.next = claim.next;
    if (claim.next === undefined) this.tail = claim.previous;
    else claim.next.previous = claim.previous;
    if (claim.writes) this.writers--;
    claim.previous = claim.next = claim.queue = claim.wake = undefined;
    if (pool.length < POOL) pool.push(claim);
  }
}

/** Puts overlapping calls of each inode in order, whatever fd, graph or caller they come from. */
export class RangeOrder {
  declare readonly contextType?: RangeQueue;

  private queueOf(inode: Inode): RangeQueue {
    let queue = inode.get<RangeQueue>(this);
    if (queue === undefined) {
      queue = new RangeQueue();
      inode.set<RangeQueue>(this, queue);
    }
    return queue;
  }

  /**
   * Runs `operation` when all earlier calls that conflict with it have settled. It starts at once, synchronously, where
   * there are none. `context` ends the wait in the queue, not the operation.
   * @throws GlfsError ECANCELED, ETIMEDOUT where the caller's wait ended in the queue: `operation` was never called.
   */
  run<T>(
    inode: Inode,
    kind: RangeKind,
    offset: number,
    size: number,
    operation: () => Promise<T>,
    context?: CallContext,
  ): Promise<T> {
    const claim = this.queueOf(inode).enter(kind, offset, size);
    if (claim.blockers > 0) return wait([claim], operation, context);
    return perform(claim.leave, operation);
  }

  /**
   * As `run`, for an operation that needs ranges of several inodes at once (copy_file_range). All claims enter in the
   * same instant, so two such operations can't hold what the other waits for. The inodes must differ.
   */
  async runAll<T>(
    ranges: readonly RangeClaim[],
    operation: () => Promise<T>,
    context?: CallContext,
  ): Promise<T> {
    const claims = ranges.map(({ inode, kind, offset, size }) =>
      this.queueOf(inode).enter(kind, offset, size),
    );
    if (claims.some(({ blockers }) => blockers > 0)) return wait(claims, operation, context);
    return perform(() => leaveAll(claims), operation);
  }
}

function leaveAll(claims: readonly Claim[]): void {
  for (const claim of claims) claim.leave();
}

function perform<T>(leave: () => void, operation: () => Promise<T>): Promise<T> {
  let running: Promise<T>;
  try {
    running = operation();
  } catch (error) {
    leave();
    return Promise.reject(error);
  }
  running.then(leave, leave);
  return running;
}

async function wait<T>(
  claims: readonly Claim[],
  operation: () => Promise<T>,
  context: CallContext | undefined,
): Promise<T> {
  await new Promise<void>((resolve, reject) => {
    let blocked = claims.filter(({ blockers }) => blockers > 0).length;
    let stop = (): void => {};
    const give = (error: unknown): void => {
      leaveAll(claims);
      reject(error);
    };
    for (const claim of claims) {
      claim.wake = () => {
        if (--blocked > 0) return;
        stop();
        resolve();
      };
    }
    if (context === undefined) return;
    try {
      throwIfEnded(context);
      stop = whenEnded(context, give);
    } catch (error) {
      give(error);
    }
  });
  return perform(() => leaveAll(claims), operation);
}

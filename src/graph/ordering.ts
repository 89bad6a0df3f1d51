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
let arrivals = 0;

/** A place in the queue of one inode, reused for later calls. */
class Claim {
  kind: RangeKind = 'read';
  /** Has its range for itself. */
  writes = false;
  start = 0;
  end = 0;
  /** Number of its arrival. */
  arrival = 0;
  /** Where it stands in the arrays of its queue. */
  slot = 0;
  /** Earlier claims still in the queue that this one must wait for. */
  blockers = 0;
  queue: RangeQueue | undefined;
  /** Runs when the last blocker has left. */
  wake: (() => void) | undefined;
  /** Bound once, so that a call which waits for nobody allocates nothing here. */
  readonly leave = (): void => this.queue!.leave(this);

  /** Must `this` wait for `earlier`? */
  waitsFor(earlier: Claim): boolean {
    if (this.kind === 'settle') return earlier.kind !== 'settle';
    if (earlier.start >= this.end || this.start >= earlier.end) return false;
    return (earlier.writes || this.writes) && earlier.kind !== 'drain' && earlier.kind !== 'settle';
  }
}

/**
 * The calls on one inode. A claim counts the earlier ones that it must wait for; who leaves counts down the later ones. So
 * conflicting calls run first in, first out, nobody starves, and no cycle can arise. Ranges stand in flat arrays, in no
 * order: at a few hundred calls in flight a scan of those is faster than any tree.
 */
class RangeQueue {
  private readonly claims: Claim[] = [];
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
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
    claim.arrival = arrivals++;
    claim.blockers = kind === 'settle' ? this.countAll(claim) : this.countOverlapping(claim);
    if (claim.blockers > 0) this.waiting++;
    if (claim.writes) this.writers++;
    claim.slot = this.claims.length;
    this.claims.push(claim);
    this.starts.push(claim.start);
    this.ends.push(claim.end);
    return claim;
  }

  private countOverlapping(claim: Claim): number {
    // Reads among reads, the most common of all, look at nobody.
    if (this.writers === 0 && !claim.writes) return 0;
    const { claims, starts, ends } = this;
    const { start, end } = claim;
    let blockers = 0;
    for (let slot = 0; slot < starts.length; slot++) {
      if (starts[slot]! < end && start < ends[slot]! && claim.waitsFor(claims[slot]!)) blockers++;
    }
    return blockers;
  }

  private countAll(claim: Claim): number {
    return this.claims.reduce((blockers, one) => (claim.waitsFor(one) ? blockers + 1 : blockers), 0);
  }

  leave(claim: Claim): void {
    if (claim.blockers > 0) this.waiting--;
    this.remove(claim);
    const ready = this.waiting > 0 ? this.release(claim) : undefined;
    claim.queue = claim.wake = undefined;
    if (pool.length < POOL) pool.push(claim);
    // Whoever wakes may enter or leave at once: the queue is in order by now.
    for (const { wake } of ready ?? []) wake!();
  }

  /** Counts down those that waited for `claim`; returns who can run now, in order of arrival. */
  private release(claim: Claim): { arrival: number; wake: (() => void) | undefined }[] {
    const ready: { arrival: number; wake: (() => void) | undefined }[] = [];
    for (const one of this.claims) {
      if (one.blockers === 0 || one.arrival < claim.arrival || !one.waitsFor(claim)) continue;
      if (--one.blockers > 0) continue;
      this.waiting--;
      ready.push({ arrival: one.arrival, wake: one.wake });
    }
    return ready.sort((a, b) => a.arrival - b.arrival);
  }

  /** Its slot is filled with the last claim. */
  private remove(claim: Claim): void {
    const last = this.claims.pop()!;
    const start = this.starts.pop()!;
    const end = this.ends.pop()!;
    if (last !== claim) {
      last.slot = claim.slot;
      this.claims[last.slot] = last;
      this.starts[last.slot] = start;
      this.ends[last.slot] = end;
    }
    if (claim.writes) this.writers--;
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

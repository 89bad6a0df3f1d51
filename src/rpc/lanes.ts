import type { Lane } from './call.ts';
import type { PendingCall } from './pending.ts';
import { SLOTS, type XidTable } from './xid-table.ts';

/** Bricks read no further while this many calls of a connection are unanswered (server.outstanding-rpc-limit). */
export const OUTSTANDING = 64;
/** Slots that locks which wait at the server can't take: unlocks, which they wait for, need some. */
const RESERVED = 1024;
/** Queued calls whose callers have left are swept out when they are this many, and more than those who wait. */
const SWEEP = 64;

/** First in, first out. */
class Queue {
  private items: PendingCall[] = [];
  private head = 0;
  /** Calls in the queue whose callers have left. */
  left = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  push(call: PendingCall): void {
    this.items.push(call);
  }

  shift(): PendingCall {
    const call = this.items[this.head++]!;
    if (this.head === this.items.length || this.head > 1024) {
      this.items.splice(0, this.head);
      this.head = 0;
    }
    if (call.settled) this.left--;
    return call;
  }

  sweep(): void {
    if (this.left < SWEEP || this.left * 2 < this.size) return;
    this.items = this.items.slice(this.head).filter((call) => !call.settled);
    this.head = 0;
    this.left = 0;
  }

  [Symbol.iterator](): Iterator<PendingCall> {
    return this.items.slice(this.head)[Symbol.iterator]();
  }
}

/**
 * Calls that can't be sent yet, by lane: data wait for the server's limit, locks leave slots of the xid table free, and
 * what unlocks waits for neither.
 */
export class Lanes {
  /** Data calls that the server has not answered. */
  outstanding = 0;
  /** In the order in which they are served. */
  private readonly queues: Readonly<Record<Lane, Queue>> = {
    control: new Queue(),
    data: new Queue(),
    blocking: new Queue(),
  };

  private readonly inOrder = Object.entries(this.queues) as readonly (readonly [Lane, Queue])[];

  constructor(private readonly table: XidTable<PendingCall>) {}

  /** Calls that wait for their turn. */
  get size(): number {
    let size = 0;
    for (const [, queue] of this.inOrder) size += queue.size - queue.left;
    return size;
  }

  private admits(lane: Lane): boolean {
    if (lane === 'blocking') return this.table.size < SLOTS - RESERVED;
    return !this.table.full && (lane === 'control' || this.outstanding < OUTSTANDING);
  }

  /** Whether a call may go at once. Otherwise it belongs into `push`. */
  free(lane: Lane): boolean {
    return this.queues[lane].size === 0 && this.admits(lane);
  }

  push(call: PendingCall): void {
    this.queues[call.call.lane].push(call);
  }

  /** The caller of a queued call has left. */
  abandoned(call: PendingCall): void {
    const queue = this.queues[call.call.lane];
    queue.left++;
    queue.sweep();
  }

  /** The next call that may go. */
  next(): PendingCall | undefined {
    for (const [lane, queue] of this.inOrder) {
      while (queue.size > 0 && this.admits(lane)) {
        const call = queue.shift();
        if (!call.settled) return call;
      }
    }
    return undefined;
  }

  *[Symbol.iterator](): IterableIterator<PendingCall> {
    for (const [, queue] of this.inOrder) yield* queue;
  }

  /** Takes all calls out. */
  clear(): PendingCall[] {
    const all = [...this].filter((call) => !call.settled);
    for (const [, queue] of this.inOrder) while (queue.size > 0) queue.shift();
    return all;
  }
}

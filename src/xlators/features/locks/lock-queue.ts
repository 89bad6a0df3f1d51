import { GlfsError } from '../../../errors.ts';
import type { CallContext, Client } from '../../../graph/index.ts';
import type { Owner } from './owner.ts';
import { Waiter } from './waiter.ts';

/** An inodelk or entrylk, held or wanted. Times in milliseconds of performance.now(). */
export interface Lock {
  readonly owner: Owner;
  grantedAt: number;
  /** When its holder was told last that somebody else wants it. */
  notifiedAt: number;
  waiter: Waiter | undefined;
}

/** What inodelks and entrylks differ in. */
export interface LockRules<L extends Lock> {
  /** Can't be held side by side, unless by one owner. */
  conflict(a: L, b: L): boolean;
  /** Is `held` the lock that `unlock`, of the same owner, gives back? */
  matches(held: L, unlock: L): boolean;
  /** Must wait whatever is held. */
  heldBack(lock: L): boolean;
  /** `holder` is in the way of somebody. */
  contended(holder: L): void;
  /** Something was given up: all that depends on it may look again. */
  changed(): void;
  now(): number;
}

/** Which of the locks, and which of those who wait. */
export interface Which<L> {
  held?: (lock: L) => boolean;
  blocked?: (lock: L) => boolean;
}

/** How many were held and how many waited. */
export interface Dropped {
  granted: number;
  blocked: number;
}

const none = (): boolean => false;

/**
 * The locks of one kind in one domain of a file, and who waits for them. First come, first served: what is free but wanted
 * by somebody who came earlier is not given away, except to an owner that has a lock here already. Without that exception
 * the holder of a lock could wait for a waiter that waits for it.
 */
export class LockQueue<L extends Lock> {
  /** In the order in which they were granted. */
  held: L[] = [];
  blocked: L[] = [];
  /** Whose callers wait no more, until the queue is swept: of many that leave at once each would have it gone through. */
  private left = new Set<L>();
  /** Locks and waits by owner. */
  private readonly owners = new Map<string, number>();

  constructor(private readonly rules: LockRules<L>) {}

  get idle(): boolean {
    return this.held.length === 0 && this.blocked.length === 0;
  }

  get count(): number {
    return this.held.length + this.blocked.length;
  }

  /**
   * Takes a lock, at once or (with `wait`) as soon as it can be had.
   * @throws GlfsError EAGAIN where it is taken, and to waiters whose client has gone; ECANCELED, ETIMEDOUT.
   */
  async acquire(lock: L, wait: boolean, context: CallContext): Promise<void> {
    if (this.take(lock)) return;
    if (!wait) throw new GlfsError('EAGAIN', 'somebody else has a lock');
    lock.waiter = new Waiter(context, () => this.leave(lock));
    this.enqueue(lock);
    await lock.waiter.promise;
  }

  private leave(lock: L): void {
    if (this.left.size === 0) queueMicrotask(() => this.sweep());
    this.left.add(lock);
  }

  private sweep(): void {
    const { left } = this;
    this.left = new Set();
    this.drop({ blocked: (lock) => left.has(lock) });
  }

  /** @throws GlfsError EINVAL where the owner holds no such lock. */
  release(unlock: L): void {
    // The latest first, as GlusterFS does: read and write locks on one range are given back in reverse order.
    const at = this.held.findLastIndex(
      (each) => each.owner.id === unlock.owner.id && this.rules.matches(each, unlock),
    );
    if (at < 0) throw new GlfsError('EINVAL', 'no such lock is held');
    const gone = this.held[at]!;
    this.drop({ held: (each) => each === gone });
  }

  /** Takes locks from their owners and waiters from the queue; these end with `error`, where it is given. */
  drop({ held = none, blocked = none }: Which<L>, error?: GlfsError): Dropped {
    const granted = this.held.filter(held);
    const waiting = this.blocked.filter(blocked);
    if (granted.length + waiting.length === 0) return { granted: 0, blocked: 0 };
    const gone = new Set([...granted, ...waiting]);
    this.held = this.held.filter((lock) => !gone.has(lock));
    this.blocked = this.blocked.filter((lock) => !gone.has(lock));
    for (const lock of gone) this.uncount(lock);
    if (error !== undefined) for (const lock of waiting) lock.waiter?.refuse(error);
    this.regrant();
    this.rules.changed();
    return { granted: granted.length, blocked: waiting.length };
  }

  dropClient(client: Client): Dropped {
    const which = ({ owner }: L): boolean => owner.client === client;
    return this.drop({ held: which, blocked: which }, new GlfsError('EAGAIN', 'the client has gone'));
  }

  /** Grants what can be granted by now, in the order of arrival. */
  regrant(): void {
    const waiting = this.blocked;
    this.blocked = [];
    for (const lock of waiting) this.uncount(lock);
    for (const lock of waiting) {
      if (this.take(lock)) lock.waiter?.grant();
      else this.enqueue(lock);
    }
  }

  private take(lock: L): boolean {
    if (this.left.has(lock)) return false;
    if (this.rules.heldBack(lock) || this.isTaken(lock)) return false;
    if (!this.owners.has(lock.owner.id) && this.blocked.some((earlier) => this.rules.conflict(earlier, lock)))
      return false;
    lock.grantedAt = this.rules.now();
    this.held.push(lock);
    this.countIn(lock);
    return true;
  }

  private isTaken(lock: L): boolean {
    let taken = false;
    for (const holder of this.held) {
      if (holder.owner.id === lock.owner.id || !this.rules.conflict(holder, lock)) continue;
      taken = true;
      this.rules.contended(holder);
    }
    return taken;
  }

  private enqueue(lock: L): void {
    this.blocked.push(lock);
    this.countIn(lock);
  }

  private countIn({ owner }: L): void {
    this.owners.set(owner.id, (this.owners.get(owner.id) ?? 0) + 1);
  }

  private uncount({ owner }: L): void {
    const count = this.owners.get(owner.id)! - 1;
    if (count === 0) this.owners.delete(owner.id);
    else this.owners.set(owner.id, count);
  }
}

import { GlfsError } from '../../../errors.ts';
import { type CallContext, type Client, throwIfEnded } from '../../../graph/index.ts';
import { LockType } from '../../../protocol/messages.ts';
import { collide, isKeptOut, place, type Segment } from './segments.ts';
import { Waiter } from './waiter.ts';

interface Blocked {
  readonly segment: Segment;
  readonly waiter: Waiter;
}

/**
 * The POSIX locks of a file. Whoever comes while others wait gets what is free: unlike inodelks, these have no turn, because
 * an application may hold one range while it waits for another.
 */
export class PosixLocks {
  held: Segment[] = [];
  private blocked: Blocked[] = [];
  /** Whose callers wait no more, until they are swept out. */
  private left = new Set<Waiter>();

  /** `changed` is called when something was given up. */
  constructor(private readonly changed: () => void) {}

  get idle(): boolean {
    return this.held.length === 0 && this.blocked.length === 0;
  }

  /** Granted ones and waiters: what glusterfs.posixlk-count tells. */
  get count(): number {
    return this.held.length + this.blocked.length;
  }

  get wanted(): Segment[] {
    return this.blocked.map(({ segment }) => segment);
  }

  /** The lock that is in the way of `wanted`: GETLK's answer. What GETLK asks of an unlock is what a reader may not. */
  blockerOf(wanted: Segment): Segment | undefined {
    return this.held.find((each) => collide(each, wanted));
  }

  /**
   * Grants a lock or unlock, at once or (with `wait`) when nobody is in its way any more.
   * @throws GlfsError EAGAIN where it is taken, and to waiters whose fd or client has gone; EINTR where clear-locks took it;
   *   ECANCELED, ETIMEDOUT.
   * @returns whether it had to wait.
   */
  async set(segment: Segment, wait: boolean, context: CallContext): Promise<boolean> {
    if (wait && isKeptOut(this.held, segment)) {
      throwIfEnded(context);
      // Who waits gives up what it holds there: two that both want to go from reading to writing would wait for each other.
      this.held = place(this.held, { ...segment, type: LockType.UNLOCK });
      this.regrant();
    }
    if (!isKeptOut(this.held, segment)) {
      this.held = place(this.held, segment);
      // A write lock that became a read lock lets others in, too.
      this.regrant();
      return false;
    }
    if (!wait) throw new GlfsError('EAGAIN', 'somebody else has a lock');
    const waiter = new Waiter(context, () => this.leave(waiter));
    this.blocked.push({ segment, waiter });
    await waiter.promise;
    return true;
  }

  /** Of many that leave at once each would have all the others gone through. */
  private leave(waiter: Waiter): void {
    if (this.left.size === 0) queueMicrotask(() => this.sweep());
    this.left.add(waiter);
  }

  private sweep(): void {
    const { left } = this;
    this.left = new Set();
    this.blocked = this.blocked.filter(({ waiter }) => !left.has(waiter));
    this.changed();
  }

  hasLocksOf(fd: object): boolean {
    return this.held.some((each) => each.fd === fd) || this.blocked.some(({ segment }) => segment.fd === fd);
  }

  /** FLUSH: the owner closed one of its descriptors of the file, which drops all of its locks there. */
  dropOwner(id: string): void {
    this.drop({ held: ({ owner }) => owner.id === id });
  }

  /** RELEASE: what came by this fd, waiters among it. */
  dropFd(fd: object): void {
    const which = (each: Segment): boolean => each.fd === fd;
    this.drop({ held: which, blocked: which }, new GlfsError('EAGAIN', 'the file was closed'));
  }

  dropClient(client: Client): { granted: number; blocked: number } {
    const which = ({ owner, clientId }: Segment): boolean =>
      owner.client === client || clientId === client.id;
    return this.drop({ held: which, blocked: which }, new GlfsError('EAGAIN', 'the client has gone'));
  }

  drop(
    {
      held = none,
      blocked = none,
    }: { held?: (each: Segment) => boolean; blocked?: (each: Segment) => boolean },
    error = new GlfsError('EINTR', 'the wait was interrupted'),
  ): { granted: number; blocked: number } {
    const before = this.held.length;
    this.held = this.held.filter((each) => !held(each));
    const left = this.blocked.filter(({ segment }) => blocked(segment));
    this.blocked = this.blocked.filter(({ segment }) => !blocked(segment));
    for (const { waiter } of left) waiter.refuse(error);
    this.regrant();
    return { granted: before - this.held.length, blocked: left.length };
  }

  /** Locks that an fd of another connection of the same client had: they go on under `fd`. */
  move(from: object, fd: object, change: (segment: Segment) => Segment): void {
    this.held = this.held.map((each) => (each.fd === from ? { ...change(each), fd } : each));
  }

  /** GlusterFS lets a reader wait even for other readers, as long as any lock overlaps; here it is let in. */
  private regrant(): void {
    const waiting = this.blocked;
    this.blocked = [];
    for (const each of waiting) {
      if (this.left.has(each.waiter) || isKeptOut(this.held, each.segment)) {
        this.blocked.push(each);
        continue;
      }
      this.held = place(this.held, each.segment);
      each.waiter.grant();
    }
    this.changed();
  }
}

const none = (): boolean => false;

import {
  type CallContext,
  detached,
  type GraphEvent,
  type Inode,
  newLkOwner,
  throwIfEnded,
} from '../../../../graph/index.ts';
import { gfidKey } from '../../../../protocol/gfid.ts';
import { internalDetached, shared } from '../../wind.ts';
import type { DisperseState } from '../state.ts';
import type { Held, LockTarget } from './held.ts';
import { type Ending, InodeLock, type Seat } from './inode-lock.ts';

/** The locks of all inodes that are in use, by gfid. */
export class InodeLocks {
  private readonly locks = new Map<string, InodeLock>();

  constructor(readonly state: DisperseState) {}

  /**
   * Runs `operation` under the locks of all targets, with size and versions known, dirty marks set where they must be.
   * `operation` gets one Held a target, in the order given (the same one for targets that are the same inode), and a context
   * that lasts to its end where anything changes. When it resolves, versions move on the subvolumes that are still good; when
   * it rejects they don't: what `agreement` throws tells who is behind, any other error leaves the file dirty.
   * @throws GlfsError ENOTCONN where too few subvolumes can be locked; EIO where their counters do not agree
   */
  run<T>(
    targets: readonly LockTarget[],
    context: CallContext,
    operation: (held: readonly Held[], context: CallContext) => Promise<T>,
  ): Promise<T> {
    const { state } = this;
    try {
      throwIfEnded(context);
    } catch (error) {
      return Promise.reject(error);
    }
    const changing = targets.some(({ changes }) => changes !== undefined);
    if (!(changing ? state.enough(state.up) : state.readableWith(state.up)))
      return Promise.reject(state.tooFew(state.up));
    return shared(this.under(targets, context, changing, operation), context);
  }

  private async under<T>(
    targets: readonly LockTarget[],
    context: CallContext,
    changing: boolean,
    operation: (held: readonly Held[], context: CallContext) => Promise<T>,
  ): Promise<T> {
    const seats = new Map<string, Seat>();
    let held: Held[];
    try {
      for (const [key, target] of inOrder(targets)) {
        seats.set(key, await this.lockOf(key, target, context).enter(target));
        throwIfEnded(context);
      }
      held = targets.map(({ inode }) => seats.get(gfidKey(inode.gfid))!.held);
    } catch (error) {
      await leaveAll(seats, 'unused');
      throw error;
    }
    let result: T;
    try {
      result = await operation(held, changing ? detached(context) : context);
    } catch (error) {
      await leaveAll(seats, { error });
      throw error;
    }
    await leaveAll(seats, 'done');
    return result;
  }

  private lockOf(key: string, { inode, fd }: LockTarget, context: CallContext): InodeLock {
    let lock = this.locks.get(key);
    if (lock === undefined) {
      lock = new InodeLock({
        state: this.state,
        file: { inode, fd },
        context: { ...internalDetached(context), lkOwner: newLkOwner() },
        gone: () => this.locks.delete(key),
      });
      this.locks.set(key, lock);
    }
    return lock;
  }

  /** Another client wants a lock (INODELK_CONTENTION). */
  contended(event: GraphEvent): void {
    if (event.kind !== 'inodelk-contention' || event.domain !== this.state.domain) return;
    this.locks.get(gfidKey(event.gfid))?.share();
  }

  /** A subvolume has come or gone: what is held is not what is to be held. */
  membersChanged(): void {
    for (const lock of [...this.locks.values()]) lock.close();
  }

  /** Gives back what is kept of one inode, counters first. */
  async settle({ gfid }: Inode): Promise<void> {
    await this.locks.get(gfidKey(gfid))?.ended();
  }

  /**
   * Has versions count each change of one inode since the last time, and its size be what it is, as FLUSH and FSYNCDIR do; the
   * lock stays. Where too few could be told FileState.late says so.
   */
  async flush({ gfid }: Inode): Promise<void> {
    await this.locks.get(gfidKey(gfid))?.flush();
  }

  /** Gives back all that is kept. */
  async settleAll(): Promise<void> {
    while (this.locks.size > 0) await Promise.all([...this.locks.values()].map((lock) => lock.ended()));
  }
}

/** Targets that are the same inode become one; all clients take them in one order, from the highest gfid to the lowest. */
function inOrder(targets: readonly LockTarget[]): [string, LockTarget][] {
  const merged = new Map<string, LockTarget>();
  for (const target of targets) {
    const key = gfidKey(target.inode.gfid);
    const other = merged.get(key);
    merged.set(key, other === undefined ? target : joined(other, target));
  }
  return [...merged].sort(([one], [other]) => (one < other ? 1 : -1));
}

function joined(one: LockTarget, other: LockTarget): LockTarget {
  const same = one.changes === other.changes || other.changes === undefined;
  return {
    inode: one.inode,
    fd: one.fd ?? other.fd,
    changes: same ? one.changes : one.changes === undefined ? other.changes : 'both',
    shared: one.shared && other.shared,
    query: one.query === true || other.query === true || (one.query ?? other.query),
  };
}

/** @throws GlfsError where an operation has succeeded, but too few can be told of it: its outcome is unknown */
async function leaveAll(seats: ReadonlyMap<string, Seat>, ending: Ending): Promise<void> {
  const late = await Promise.all([...seats.values()].map((seat) => seat.leave(ending)));
  const error = late.find((one) => one !== undefined);
  if (error !== undefined) throw error;
}

import { GlfsError } from '../../../../errors.ts';
import type { CallContext, GraphEvent } from '../../../../graph/index.ts';
import type { DisperseState } from '../state.ts';
import type { Held, LockTarget } from './held.ts';

/** The locks of all inodes. */
export class InodeLocks {
  constructor(readonly state: DisperseState) {}

  /**
   * Runs `operation` under the locks of all targets (in the order of their gfids), with size and versions known, dirty marks
   * set where they must be. `operation` gets one Held a target, in the order given. When it resolves, versions move on the
   * subvolumes that are still good; when it rejects they don't.
   * @throws GlfsError ENOTCONN where too few subvolumes can be locked; EIO where their counters do not agree
   */
  run<T>(
    _targets: readonly LockTarget[],
    _context: CallContext,
    _operation: (held: readonly Held[], context: CallContext) => Promise<T>,
  ): Promise<T> {
    return Promise.reject(new GlfsError('EOPNOTSUPP'));
  }

  /** Another client wants a lock (INODELK_CONTENTION). */
  contended(_event: GraphEvent): void {}

  /** A subvolume has come or gone. */
  membersChanged(): void {}

  /** Gives back what is kept of one inode, counters first. */
  async settle(_inode: LockTarget['inode']): Promise<void> {}

  /** The same for all. */
  async settleAll(): Promise<void> {}
}

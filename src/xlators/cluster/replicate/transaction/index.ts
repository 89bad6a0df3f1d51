import { GlfsError } from '../../../../errors.ts';
import type { CallContext, GraphEvent, Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import type { Operation } from '../operation.ts';
import type { ReplicateState } from '../state.ts';

/** Makes one change on all copies that are there. */
export function runTransaction<K extends FopName>(
  _state: ReplicateState,
  _operation: Operation<K>,
  _context: CallContext,
): Promise<Reply<K>> {
  return Promise.reject(new GlfsError('EOPNOTSUPP'));
}

/** An event of the graph: another client waits for a lock that transactions have kept. */
export function contended(_state: ReplicateState, _event: GraphEvent): void {}

/** Ends what outlives operations (delayed post-ops, kept locks) of one file, as flush and fsync need it. */
export async function settleFile(_state: ReplicateState, _gfid: Uint8Array): Promise<void> {}

/** Ends it for all files: the graph is being closed. */
export async function settleAll(_state: ReplicateState): Promise<void> {}

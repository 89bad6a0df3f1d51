/*
 * Transactions: how a change is made on several copies so that each copy that lacks it is accused by those that have it,
 * whatever fails in between.
 *   locks (locks.ts) -> pre-op (marking.ts) -> the change on all copies (winding.ts) -> verdict (verdict.ts) ->
 *   bytes to disk (durability.ts) -> post-op (marking.ts) -> unlock
 * One change under locks of its own: alone.ts. Changes of files that share a lock which outlives them: file-lock.ts.
 */
import { type CallContext, type GraphEvent, type Reply, throwIfEnded } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import type { Operation } from '../operation.ts';
import type { ReplicateState } from '../state.ts';
import { runAlone } from './alone.ts';

/** Makes one change on all copies that are there. @throws GlfsError ENOTCONN where there are too few. */
export async function runTransaction<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  context: CallContext,
): Promise<Reply<K>> {
  throwIfEnded(context);
  state.requireQuorum();
  return runAlone(state, operation, context);
}

/** An event of the graph: another client waits for a lock that transactions have kept. */
export function contended(_state: ReplicateState, _event: GraphEvent): void {}

/** Ends what outlives operations (delayed post-ops, kept locks) of one file, as flush and fsync need it. */
export async function settleFile(_state: ReplicateState, _gfid: Uint8Array): Promise<void> {}

/** Ends it for all files: the graph is being closed. */
export async function settleAll(_state: ReplicateState): Promise<void> {}

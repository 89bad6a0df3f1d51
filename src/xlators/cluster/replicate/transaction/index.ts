/*
 * Transactions: how a change is made on several copies so that each copy that lacks it is accused by those that have it,
 * whatever fails in between.
 *   locks (../../locking/locks.ts) -> pre-op (marking.ts) -> the change on all copies (winding.ts) -> verdict (verdict.ts) ->
 *   bytes to disk (durability.ts) -> post-op (marking.ts) -> unlock
 * One change under locks of its own: alone.ts. Changes of files that share a lock which outlives them: file-lock.ts.
 */
import { GlfsError } from '../../../../errors.ts';
import { type CallContext, type GraphEvent, type Reply, throwIfEnded } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import type { MetadataOperation, Operation } from '../operation.ts';
import { ensureFresh } from '../refresh.ts';
import type { ReplicateState } from '../state.ts';
import { runAlone } from './alone.ts';

/** Makes one change on all copies that are there. @throws GlfsError ENOTCONN where there are too few. */
export function runTransaction<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  context: CallContext,
): Promise<Reply<K>> {
  try {
    throwIfEnded(context);
    state.requireQuorum();
  } catch (error) {
    return Promise.reject(error);
  }
  const { options } = state;
  const eager = options['eager-lock'] && operation.kind !== 'entry';
  const run = (): Promise<Reply<K>> =>
    eager ? state.fileLocks.run(operation, context) : runAlone(state, operation, context);
  const running =
    operation.kind === 'metadata' ? requireReadable(state, operation, context).then(run) : run();
  return options['consistent-io'] && !state.quorum.wanted ? consistent(state, running) : running;
}

/** Attributes of a file in split-brain are not to be changed: nobody could tell any more which are right. */
async function requireReadable<K extends FopName>(
  state: ReplicateState,
  { inode, fd }: MetadataOperation<K>,
  context: CallContext,
): Promise<void> {
  const file = await ensureFresh(state, inode, context, fd);
  const good = file.readable('metadata') !== 0 && (inode.type === 'directory' || file.readable('data') !== 0);
  if (good) return;
  throw new GlfsError('EIO', 'the copies of the file accuse each other', {
    translator: state.name,
    gfid: inode.toString(),
  });
}

/** With consistent-io a change counts only where no copy has come or gone meanwhile. */
async function consistent<T>(state: ReplicateState, running: Promise<T>): Promise<T> {
  const { generation } = state;
  const result = await running;
  if (generation === state.generation) return result;
  throw state.tooFew(state.up).with({ outcome: 'unknown' });
}

/** An event of the graph: another client waits for a lock that transactions have kept. */
export function contended(state: ReplicateState, event: GraphEvent): void {
  if (event.kind === 'inodelk-contention' && event.domain === state.domain) {
    state.fileLocks.contended(event.gfid);
  }
}

/** Ends what outlives operations (delayed post-ops, kept locks) of one file, as flush and fsync need it. */
export function settleFile(state: ReplicateState, gfid: Gfid): Promise<void> {
  return state.fileLocks.settle(gfid);
}

/** Ends it for all files: the graph is being closed. */
export function settleAll(state: ReplicateState): Promise<void> {
  return state.fileLocks.settleAll();
}

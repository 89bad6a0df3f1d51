import type { Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../../children.ts';
import type { Operation, OperationOutcome } from '../operation.ts';
import { readChild } from '../read-child/index.ts';
import type { ReplicateState } from '../state.ts';

/**
 * What the caller gets: the reply of a copy that has made the whole change, one that is read from where possible; the
 * arbiter's attributes are those of an empty file.
 */
export function answer<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  outcome: OperationOutcome<K>,
  index: number = speaker(state, operation, outcome.succeeded),
): Reply<K> {
  const chosen = outcome.answers[index]!.reply!;
  return operation.compose === undefined ? chosen : operation.compose(chosen, outcome);
}

/** The copy whose reply that is. */
export function speaker<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  succeeded: ChildSet,
): number {
  if (operation.kind !== 'entry') {
    const { inode, kind } = operation;
    const readable = state.file(inode).readable(kind) & state.withData & succeeded;
    const chosen = readable === NO_CHILDREN ? undefined : readChild(state, readable, inode);
    if (chosen !== undefined) return chosen;
  }
  return indicesOf(state.withData & succeeded || succeeded)[0]!;
}

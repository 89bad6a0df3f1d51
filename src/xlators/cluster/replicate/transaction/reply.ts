import type { Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { has, NO_CHILDREN } from '../children.ts';
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
): Reply<K> {
  const chosen = choose(state, operation, outcome);
  return operation.compose === undefined ? chosen : operation.compose(chosen, outcome);
}

function choose<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  { answers, succeeded }: OperationOutcome<K>,
): Reply<K> {
  if (operation.kind !== 'entry') {
    const { inode, kind } = operation;
    const readable = state.file(inode).readable(kind) & state.withData & succeeded;
    const index = readable === NO_CHILDREN ? undefined : readChild(state, readable, inode);
    if (index !== undefined) return answers[index]!.reply!;
  }
  const set = state.withData & succeeded || succeeded;
  const first = answers.find((_, index) => has(set, index));
  if (first?.reply === undefined) throw new RangeError('no copy has made the change');
  return first.reply;
}

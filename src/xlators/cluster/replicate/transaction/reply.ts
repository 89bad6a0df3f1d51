import type { Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { has } from '../children.ts';
import type { Operation, OperationOutcome } from '../operation.ts';
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
  const readable =
    operation.kind === 'entry' ? state.all : state.file(operation.inode).readable(operation.kind);
  for (const set of [readable & state.withData & succeeded, state.withData & succeeded, succeeded]) {
    if (set === 0) continue;
    for (let index = 0; index < answers.length; index++) if (has(set, index)) return answers[index]!.reply!;
  }
  throw new RangeError('no copy has made the change');
}

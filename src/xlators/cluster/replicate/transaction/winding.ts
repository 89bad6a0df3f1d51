import { toGlfsError } from '../../../../errors.ts';
import type { CallContext } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { type ChildSet, countOf, has } from '../../children.ts';
import type { CopyAnswer, Operation } from '../operation.ts';
import type { ReplicateState } from '../state.ts';
import type { Answers } from './verdict.ts';

/**
 * Makes the change on each of `children` at once and hands over what they say, in this tick where there are none. Callbacks,
 * since every write goes this way.
 */
export function windCopies<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  children: ChildSet,
  context: CallContext,
  done: (answers: Answers<K>) => void,
): void {
  const answers: (CopyAnswer<K> | undefined)[] = new Array(state.children.length).fill(undefined);
  let left = countOf(children);
  if (left === 0) {
    done(answers);
    return;
  }
  const take = (index: number, answer: CopyAnswer<K>): void => {
    answers[index] = answer;
    if (--left === 0) done(answers);
  };
  for (let index = 0; index < answers.length; index++) {
    if (!has(children, index)) continue;
    const child = state.children[index]!;
    const failed = (thrown: unknown): void => {
      const error = toGlfsError(thrown);
      take(index, { error: error.translator === undefined ? error.with({ translator: child.name }) : error });
    };
    try {
      operation.wind(child, context, index).then((reply) => take(index, { reply }), failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

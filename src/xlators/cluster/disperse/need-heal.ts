import type { Reply } from '../../../graph/index.ts';
import { keys } from '../../../protocol/keys.ts';
import type { PartAnswers } from './answers.ts';
import type { DisperseState } from './state.ts';

/*
 * Whether every subvolume had nothing to heal when all of them were last asked, and none has gone since: then what one says of
 * a file is what all say.
 */

const settled = new WeakMap<DisperseState, number>();

/** Takes note of what lookups bring of the bricks' indices. */
export function noteHeals(state: DisperseState, answers: PartAnswers<Reply<'lookup'>>): void {
  const isWhole = answers.every((answer) => (answer?.reply?.xdata?.get(keys.linkCount) ?? 1) === 0);
  if (isWhole && answers.length === state.children.length) settled.set(state, state.generation);
}

/** Something was found to be behind. */
export function forgetHeals(state: DisperseState): void {
  settled.delete(state);
}

export function mayNeedHeal(state: DisperseState): boolean {
  return settled.get(state) !== state.generation;
}

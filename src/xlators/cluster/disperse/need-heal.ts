import type { Reply } from '../../../graph/index.ts';
import { keys } from '../../../protocol/keys.ts';
import type { PartAnswers } from './answers.ts';
import type { DisperseState } from './state.ts';

/*
 * Whether every subvolume had nothing to heal when all of them were last asked, and none has gone since: then what one says of
 * a file is what all say.
 */

const settled = new WeakMap<DisperseState, number>();

/** Takes note of what lookups that were made at this generation bring of the bricks' indices. */
export function noteHeals(
  state: DisperseState,
  answers: PartAnswers<Reply<'lookup'>>,
  generation: number,
): void {
  const counts = answers.flatMap((answer) =>
    answer?.reply === undefined ? [] : [answer.reply.xdata?.get(keys.linkCount) ?? 1],
  );
  if (counts.some((count) => count !== 0)) settled.delete(state);
  else if (counts.length === state.children.length) settled.set(state, generation);
}

export function mayNeedHeal(state: DisperseState): boolean {
  return settled.get(state) !== state.generation;
}

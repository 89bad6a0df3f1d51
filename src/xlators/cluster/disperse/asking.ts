import type { Subvolume } from '../../../graph/index.ts';
import { gfidKey } from '../../../protocol/gfid.ts';
import { type Iatt, S_IFBLK, S_IFCHR, S_IFMT } from '../../../protocol/iatt.ts';
import { type ChildSet, countOf, NO_CHILDREN } from '../children.ts';
import { windAll } from '../wind.ts';
import { type Group, groups, type PartAnswer, type PartAnswers } from './answers.ts';
import type { DisperseState } from './state.ts';

/** Calls these subvolumes at once. */
export async function ask<T>(
  state: DisperseState,
  set: ChildSet,
  call: (child: Subvolume) => Promise<T>,
): Promise<PartAnswers<T>> {
  const found: (PartAnswer<T> | undefined)[] = state.children.map(() => undefined);
  for (const { child, ...said } of await windAll(state.childrenOf(set), call)) {
    found[state.indexOf(child)] = said.error === undefined ? { reply: said.reply } : { error: said.error };
  }
  return found;
}

/** @throws GlfsError ENOTCONN where nobody could tell what the file is. */
export function requireReadable(state: DisperseState): void {
  if (!state.readableWith(state.up)) throw state.tooFew(state.up);
}

/**
 * What enough subvolumes say without a lock: whatever was acknowledged has been done on as many, so that no such group can have
 * missed it. Undefined where no group is large enough.
 */
export function majority<T>(
  state: DisperseState,
  answers: PartAnswers<T>,
  keyOf: (reply: T) => string,
): Group<T> | undefined {
  const [best] = groups(answers, keyOf);
  return best !== undefined && countOf(best.children) >= state.data ? best : undefined;
}

/** Those of `answers` that `set` has. */
export function only<T>(answers: PartAnswers<T>, set: ChildSet): PartAnswers<T> {
  return answers.map((answer, index) => ((set & (1 << index)) === 0 ? undefined : answer));
}

/** Those that were asked, could be reached, and are not in `set`. */
export function dissenters(answers: PartAnswers<unknown>, set: ChildSet): ChildSet {
  let others: ChildSet = NO_CHILDREN;
  for (const [index, answer] of answers.entries()) {
    if (answer === undefined || (set & (1 << index)) !== 0) continue;
    if (answer.error?.code !== 'ENOTCONN') others |= 1 << index;
  }
  return others;
}

/** What must be the same everywhere, or it is another file. */
export function identityOf({ gfid, mode, rdev }: Iatt): string {
  const type = mode & S_IFMT;
  return `${gfidKey(gfid)} ${type} ${type === S_IFBLK || type === S_IFCHR ? rdev : 0n}`;
}

/** What changes of metadata keep the same everywhere. */
export function attributesOf(stat: Iatt): string {
  return `${identityOf(stat)} ${stat.mode} ${stat.uid} ${stat.gid}`;
}

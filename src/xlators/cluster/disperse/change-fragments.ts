import type { GlfsError } from '../../../errors.ts';
import type { CallContext, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { type ChildSet, NO_CHILDREN } from '../children.ts';
import { agreement, type Group, type PartAnswer, type PartAnswers } from './answers.ts';
import { ask, attributesOf, majority, only } from './asking.ts';
import type { Held } from './lock/held.ts';
import type { DisperseState } from './state.ts';
import { stripeCache } from './stripe-cache.ts';

/** A change of a file's data, of one or several steps. */
export interface Change {
  readonly held: Held;
  /** Caller, who no longer can stop it. */
  readonly context: CallContext;
  /** Where all steps so far have succeeded. */
  good: ChildSet;
  /** Some subvolume is, or may be, no longer as it was. */
  begun: boolean;
  /** What enough subvolumes have refused it with: they are as they were before that step. */
  refusal?: GlfsError;
}

/**
 * One step on all good subvolumes, and on those that are being healed: what these say does not count. Who says otherwise than
 * the others is left behind.
 * @throws GlfsError what enough of them agree on; EIO or ENOTCONN where they don't: then nobody knows what the stripes hold
 */
export async function changeFragments<T extends { readonly xdata?: Dict }>(
  state: DisperseState,
  change: Change,
  call: (child: Subvolume) => Promise<T>,
  keyOf: (reply: T) => string,
): Promise<Group<T>['replies']> {
  const { held, good } = change;
  const { healing } = held;
  const all = await ask(state, good | healing, call);
  const answers = only(all, good);
  const touched = setOf(answers, ({ error }) => error === undefined || error.outcome === 'unknown');
  change.begun ||= touched !== NO_CHILDREN;
  const group = majority(state, answers, keyOf);
  for (const { reply } of group?.replies ?? []) held.answered(reply.xdata);
  if (group === undefined) {
    stripeCache(state, held).clear();
    // It throws: no group is large enough.
    return agreement(state, answers, keyOf).replies;
  }
  const { children, error, replies } = group;
  if (error !== undefined) {
    stripeCache(state, held).clear();
    if ((touched & ~children) !== NO_CHILDREN) leaveBehind(change, children);
    change.refusal = error;
    throw error;
  }
  const key = keyOf(replies[0]!.reply);
  const healed = setOf(
    only(all, healing),
    (answer) => answer.reply !== undefined && keyOf(answer.reply) === key,
  );
  if (((good | healing) & ~(children | healed)) !== NO_CHILDREN) leaveBehind(change, children | healed);
  return replies;
}

/** The same for steps that change lengths, or where bytes are: they leave all fragments with the same attributes. */
export async function resizeFragments<T extends Reply<'truncate'>>(
  state: DisperseState,
  change: Change,
  call: (child: Subvolume) => Promise<T>,
): Promise<T[]> {
  const replies = await changeFragments(state, change, call, ({ poststat }) => attributesOf(poststat));
  return replies.map(({ reply }) => reply);
}

function leaveBehind(change: Change, agreed: ChildSet): void {
  change.good &= agreed;
  change.held.narrow(agreed);
}

function setOf<T>(answers: PartAnswers<T>, is: (answer: PartAnswer<T>) => boolean): ChildSet {
  return answers.reduce<ChildSet>(
    (set, answer, index) => (answer !== undefined && is(answer) ? set | (1 << index) : set),
    NO_CHILDREN,
  );
}

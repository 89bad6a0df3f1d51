import { GlfsError, toGlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Subvolume } from '../../../graph/index.ts';
import { type ChildSet, childSet, countOf, NO_CHILDREN } from '../children.ts';
import { internalDetached, windAll } from '../wind.ts';
import { agreement, type PartAnswers } from './answers.ts';
import { ask, majority, only } from './asking.ts';
import type { Held, LockTarget } from './lock/held.ts';
import type { DisperseState } from './state.ts';

/** A change of names or attributes. */
export interface Change<T> {
  /** Locked in the order of gfids; those without `changes` only have to stay as they are. */
  readonly targets: readonly LockTarget[];
  wind(child: Subvolume, context: CallContext): Promise<T>;
  /** What must be the same where it has succeeded. */
  sameness(reply: T): string;
  /** Takes it back on a subvolume that is alone with it. */
  undo?(child: Subvolume, reply: T, context: CallContext): Promise<unknown>;
}

export interface Changed<T> {
  readonly replies: readonly T[];
  /** By target. */
  readonly held: readonly Held[];
}

type Outcome<T> = Changed<T> & { readonly error?: GlfsError };

/**
 * Does it on all that are good. Those that don't say what enough others say are behind from then on.
 * @throws GlfsError ENOTCONN where too few are good, EIO where too few say the same
 */
export async function change<T>(
  state: DisperseState,
  wanted: Change<T>,
  context: CallContext,
): Promise<Changed<T>> {
  const done = await state.locks.run(wanted.targets, context, (held, own) =>
    underLock(state, wanted, held, own),
  );
  if (done.error !== undefined) throw done.error;
  return done;
}

async function underLock<T>(
  state: DisperseState,
  wanted: Change<T>,
  held: readonly Held[],
  own: CallContext,
): Promise<Outcome<T>> {
  const changing = held.filter((_, index) => wanted.targets[index]!.changes !== undefined);
  const good = changing.reduce((set, each) => set & each.good, state.all);
  if (!state.enough(good)) throw state.tooFew(good);
  const answers = await answersOf(state, wanted, held, good, own);
  const counted = only(answers, good);
  const group = majority(state, counted, wanted.sameness);
  if (group === undefined || group.error !== undefined) {
    const changed = await takeBack(state, wanted, counted, own);
    // Nobody has changed anything: nobody is behind.
    if (group !== undefined && changed === NO_CHILDREN) throw group.error!.with({});
    throw refusal(state, counted, wanted, changed);
  }
  const replies = group.replies.map(({ reply }) => reply);
  const done = successes(answers, replies, wanted.sameness);
  for (const each of changing) each.narrow(done);
  if (state.enough(done)) return { held, replies };
  // They have it: the others are behind, whatever the caller is told.
  const reason = `done on ${countOf(done)} subvolumes, quorum-count asks for more`;
  return {
    held,
    replies,
    error: new GlfsError('EIO', reason, { translator: state.name, outcome: 'unknown' }),
  };
}

/** The error that enough agree on, or that they don't, of which the lock learns who is behind. */
function refusal<T>(
  state: DisperseState,
  answers: PartAnswers<T>,
  { sameness }: Change<T>,
  changed: ChildSet,
): GlfsError {
  try {
    agreement(state, answers, sameness);
  } catch (thrown) {
    const error = toGlfsError(thrown);
    const isSplit = majority(state, answers, sameness) === undefined;
    return isSplit ? error.with({ outcome: changed === NO_CHILDREN ? 'failed' : 'unknown' }) : error;
  }
  return new GlfsError('EIO');
}

/** All that say the same as `replies`, those that are being healed included. */
function successes<T>(
  answers: PartAnswers<T>,
  [first]: readonly T[],
  sameness: (reply: T) => string,
): ChildSet {
  const key = sameness(first!);
  return childSet(
    answers.flatMap((answer, index) =>
      answer?.reply !== undefined && sameness(answer.reply) === key ? [index] : [],
    ),
  );
}

/**
 * Those that are good for everything that is locked are asked first, where that makes a difference: of a directory that is behind
 * nobody knows what it would let happen.
 */
async function answersOf<T>(
  state: DisperseState,
  { wind, sameness }: Change<T>,
  held: readonly Held[],
  good: ChildSet,
  own: CallContext,
): Promise<PartAnswers<T>> {
  const all = held.reduce((set, each) => set | each.healing, good) & state.up;
  const deciding = held.reduce((set, each) => set & each.good, good);
  const first = await ask(state, deciding === good ? all : deciding, (child) => wind(child, own));
  if (deciding === good) return first;
  const said = majority(state, first, sameness);
  if (said?.error !== undefined && first.every((answer) => answer?.reply === undefined)) throw said.error;
  const rest = await ask(state, all & ~deciding, (child) => wind(child, own));
  return first.map((answer, index) => answer ?? rest[index]);
}

/** Undoes what was done although it is refused; those that may have it all the same are returned. */
async function takeBack<T>(
  state: DisperseState,
  { undo }: Change<T>,
  answers: PartAnswers<T>,
  own: CallContext,
): Promise<ChildSet> {
  const changed = childSet(
    answers.flatMap((answer, index) =>
      answer !== undefined && (answer.error === undefined || answer.error.outcome === 'unknown')
        ? [index]
        : [],
    ),
  );
  if (undo === undefined) return changed;
  const root = internalDetached(own);
  const undone = await windAll(state.childrenOf(changed), async (child) => {
    const answer = answers[state.indexOf(child)];
    if (answer?.reply === undefined) throw answer?.error ?? new GlfsError('EIO');
    await undo(child, answer.reply, root);
  });
  return undone.reduce(
    (left, { child, error }) => (error === undefined ? left & ~(1 << state.indexOf(child)) : left),
    changed,
  );
}

/** The names of these directories, and what follows of that. */
export function namesOf(directories: readonly Inode[]): LockTarget[] {
  return directories.map((inode) => ({ inode, changes: 'both' }));
}

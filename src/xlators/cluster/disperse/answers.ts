import { GlfsError } from '../../../errors.ts';
import { type ChildSet, countOf, NO_CHILDREN } from '../children.ts';
import type { DisperseState } from './state.ts';

/** What one subvolume said. */
export type PartAnswer<T> =
  | { readonly reply: T; readonly error?: undefined }
  | { readonly reply?: undefined; readonly error: GlfsError };

/** By position of the subvolume; undefined where it was not asked. */
export type PartAnswers<T> = readonly (PartAnswer<T> | undefined)[];

/** Those that said the same. */
export interface Group<T> {
  readonly children: ChildSet;
  /** In the order of the subvolumes; empty for a group of errors. */
  readonly replies: readonly { readonly index: number; readonly reply: T }[];
  readonly error?: GlfsError;
}

/** Which answers are the same: replies by a key that leaves out what may differ between fragments, errors by their code. */
export function groups<T>(answers: PartAnswers<T>, keyOf: (reply: T) => string): Group<T>[] {
  const found = new Map<
    string,
    { children: ChildSet; replies: { index: number; reply: T }[]; error?: GlfsError }
  >();
  for (const [index, answer] of answers.entries()) {
    if (answer === undefined) continue;
    const key = answer.error === undefined ? `=${keyOf(answer.reply)}` : `!${answer.error.code}`;
    const group = found.get(key) ?? { children: NO_CHILDREN, replies: [], error: answer.error };
    group.children |= 1 << index;
    if (answer.error === undefined) group.replies.push({ index, reply: answer.reply });
    found.set(key, group);
  }
  return [...found.values()].sort(
    (one, other) =>
      countOf(other.children) - countOf(one.children) ||
      Number(one.error !== undefined) - Number(other.error !== undefined),
  );
}

/** The group that speaks for all. */
export interface Agreement<T> {
  readonly replies: Group<T>['replies'];
  /** Those that said so. */
  readonly good: ChildSet;
  /** Those that were asked and said something else, or nothing. */
  readonly bad: ChildSet;
}

/** Errors that `agreement` has thrown, with those that said so. */
const agreedOnError = new WeakMap<object, ChildSet>();

/** Who has failed with this very error, where enough agreed on it. */
export function agreedOn(error: unknown): ChildSet | undefined {
  return typeof error === 'object' && error !== null ? agreedOnError.get(error) : undefined;
}

/**
 * What at least `needed` subvolumes say. @throws GlfsError the error that so many agree on; EIO where no group is large
 * enough (ENOTCONN where too many could not be asked), with all errors as its cause.
 */
export function agreement<T>(
  state: DisperseState,
  answers: PartAnswers<T>,
  keyOf: (reply: T) => string,
  needed: number = state.data,
): Agreement<T> {
  const [best] = groups(answers, keyOf);
  const asked = answers.reduce<ChildSet>(
    (set, answer, index) => (answer === undefined ? set : set | (1 << index)),
    NO_CHILDREN,
  );
  if (best !== undefined && countOf(best.children) >= needed) {
    if (best.error !== undefined) {
      agreedOnError.set(best.error, best.children);
      throw best.error;
    }
    return { replies: best.replies, good: best.children, bad: asked & ~best.children };
  }
  throw disagreement(state, answers, asked);
}

function disagreement(state: DisperseState, answers: PartAnswers<unknown>, asked: ChildSet): GlfsError {
  const errors = answers.flatMap((answer) => (answer?.error === undefined ? [] : [answer.error]));
  // Some have done it and others have not.
  const halfDone = answers.some((answer) => answer !== undefined && answer.error === undefined);
  const unknown = halfDone || errors.some(({ outcome }) => outcome === 'unknown');
  const outcome = unknown ? 'unknown' : 'failed';
  const gone = errors.filter(({ code }) => code === 'ENOTCONN').length;
  if (countOf(asked) - gone < state.data) {
    const lost = errors.find(({ code }) => code === 'ENOTCONN');
    return new GlfsError('ENOTCONN', state.tooFew(state.up).reason, {
      translator: state.name,
      outcome,
      cause: lost === undefined ? undefined : new AggregateError(errors, 'fragments are gone'),
    });
  }
  return new GlfsError('EIO', `no ${state.data} of ${state.children.length} subvolumes say the same`, {
    translator: state.name,
    outcome,
    cause: errors.length > 0 ? new AggregateError(errors, 'subvolumes failed') : undefined,
  });
}

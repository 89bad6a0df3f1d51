import { type ErrnoCode, GlfsError } from '../../../../errors.ts';
import type { Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { type ChildSet, childSet, has, indicesOf, NO_CHILDREN } from '../../children.ts';
import type { CopyAnswer, Operation, OperationOutcome } from '../operation.ts';
import type { ReplicateState } from '../state.ts';

export type Answers<K extends FopName> = readonly (CopyAnswer<K> | undefined)[];

/**
 * What becomes of the marks:
 * - `none`: nobody is accused; the copies are as they were, or all the same;
 * - `blame`: those that lack the change are accused by those that have it;
 * - `stay-dirty`: too few have it to accuse the others: the file stays marked as in doubt;
 * - `make-dirty`: the same where nothing has been marked before.
 */
export type Consequence = 'none' | 'blame' | 'stay-dirty' | 'make-dirty';

export interface Verdict<K extends FopName> {
  readonly outcome: OperationOutcome<K>;
  readonly consequence: Consequence;
  /** Copies that took part and have not made the change. */
  readonly broken: ChildSet;
  /** What the caller gets instead of a reply. */
  readonly error?: GlfsError;
}

export interface Circumstances {
  /** Copies that were locked; those of them that were lost or could not be marked have not been asked. */
  readonly participants: ChildSet;
  /** Copies that were good when the marks were set; undefined where that is not known. */
  readonly good: ChildSet | undefined;
  /** Marks were set before. */
  readonly dirtied: boolean;
}

/** All that take part have made the whole change: what nearly every write comes to. */
export function isUnanimous<K extends FopName>(
  operation: Operation<K>,
  answers: Answers<K>,
  participants: ChildSet,
): boolean {
  if (operation.disowns !== undefined) return false;
  let most: number | undefined;
  for (let index = 0; index < answers.length; index++) {
    if (!has(participants, index)) continue;
    const reply = answers[index]?.reply;
    if (reply === undefined) return false;
    const amount = operation.measure?.(reply);
    most ??= amount;
    if (amount !== most) return false;
  }
  return true;
}

/** What the answers of the copies come to. */
export function judge<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  answers: Answers<K>,
  circumstances: Circumstances,
): Verdict<K> {
  const { participants, good, dirtied } = circumstances;
  const { succeeded, pardoned, refusals } = sort(operation, answers);
  const outcome = (failed: ChildSet): OperationOutcome<K> => ({ answers, participants, succeeded, failed });

  // What the arbiter says of data it does without looking: it has none that could have changed.
  const made = operation.kind === 'data' ? succeeded & state.withData : succeeded;
  if (made === NO_CHILDREN && isSymmetric(refusals)) {
    const error = finalError(state, operation, refusals, NO_CHILDREN);
    return { outcome: outcome(NO_CHILDREN), consequence: 'none', broken: NO_CHILDREN, error };
  }

  const broken = participants & ~succeeded & ~pardoned;
  const failed = state.all & ~succeeded & ~pardoned;
  const fails = (consequence: Consequence): Verdict<K> => ({
    outcome: outcome(failed),
    consequence,
    broken,
    error: finalError(state, operation, refusals, succeeded),
  });
  if (state.quorum.wanted && !state.quorum.met(participants & ~broken)) {
    const some = (participants & ~broken) !== NO_CHILDREN;
    return fails(!dirtied && some ? 'make-dirty' : 'stay-dirty');
  }
  if (succeeded === NO_CHILDREN) return fails('stay-dirty');
  // The last good copy lacks the change: whoever has it now accuses it, and would be accused.
  if (good !== undefined && good !== NO_CHILDREN && (good & succeeded) === NO_CHILDREN)
    return fails('stay-dirty');
  return { outcome: outcome(failed), consequence: 'blame', broken };
}

interface Sorted {
  readonly succeeded: ChildSet;
  readonly pardoned: ChildSet;
  /** Errors by position. */
  readonly refusals: ReadonlyMap<number, GlfsError>;
}

function sort<K extends FopName>(operation: Operation<K>, answers: Answers<K>): Sorted {
  const refusals = new Map<number, GlfsError>();
  let succeeded = NO_CHILDREN;
  let pardoned = NO_CHILDREN;
  for (const [index, answer] of answers.entries()) {
    if (answer === undefined) continue;
    if (answer.error === undefined) succeeded |= 1 << index;
    else {
      refusals.set(index, answer.error);
      if (operation.pardons?.(answer.error)) pardoned |= 1 << index;
    }
  }
  for (const [index, error] of operation.disowns?.(answers) ?? []) {
    refusals.set(index, error);
    succeeded &= ~(1 << index);
  }
  if (operation.measure !== undefined) succeeded &= ~shorter(operation.measure, answers, succeeded);
  return { succeeded, pardoned, refusals };
}

/** Copies that did less than others. */
function shorter<K extends FopName>(
  measure: (reply: Reply<K>) => number,
  answers: Answers<K>,
  among: ChildSet,
): ChildSet {
  const done = indicesOf(among).map((index) => ({ index, amount: measure(answers[index]!.reply!) }));
  const most = Math.max(...done.map(({ amount }) => amount));
  return done.reduce((set, { index, amount }) => (amount < most ? set | (1 << index) : set), NO_CHILDREN);
}

/** All refuse for the same reason, and have surely done nothing. Nobody was asked: the same. */
function isSymmetric(refusals: ReadonlyMap<number, GlfsError>): boolean {
  const [first, ...others] = refusals.values();
  if (first === undefined) return true;
  const sure = (error: GlfsError): boolean => error.code !== 'ENOTCONN' && error.outcome === 'failed';
  return sure(first) && others.every((error) => sure(error) && error.code === first.code);
}

/**
 * What no copy can say of the file as long as another one has made the change: whoever says so is behind. Nor does it count of a
 * name where none has made the change, and too few say so.
 */
const refuted: ReadonlySet<string> = new Set<ErrnoCode>([
  'ENODATA',
  'ENOENT',
  'ESTALE',
  'EEXIST',
  'ENOTDIR',
  'EISDIR',
]);

/** Of several reasons the one that says most; among all others the last copy's. */
const telling: readonly ErrnoCode[] = ['ENODATA', 'ENOENT', 'ESTALE', 'ENOSPC'];

function finalError<K extends FopName>(
  state: ReplicateState,
  { kind }: Operation<K>,
  refusals: ReadonlyMap<number, GlfsError>,
  succeeded: ChildSet,
): GlfsError {
  const errors = [...refusals.values()];
  if (errors.length === 0) {
    const error = state.tooFew(succeeded);
    return succeeded === NO_CHILDREN ? error : error.with({ outcome: 'unknown' });
  }
  const told = childSet([...refusals].flatMap(([index, { code }]) => (refuted.has(code) ? [index] : [])));
  const isTold =
    succeeded === NO_CHILDREN && (kind !== 'entry' || !state.quorum.wanted || state.quorum.met(told));
  const credible = isTold ? errors : errors.filter(({ code }) => !refuted.has(code));
  if (credible.length === 0) {
    const cause = new AggregateError(errors, `${errors.length} copies failed`);
    return succeeded === NO_CHILDREN ? state.tooFew(told).with({ cause }) : behind(state, errors);
  }
  const code = telling.find((one) => credible.some((error) => error.code === one));
  const chosen = credible.findLast((error) => code === undefined || error.code === code)!;
  const unknown = succeeded !== NO_CHILDREN || errors.some((error) => error.outcome === 'unknown');
  const outcome = unknown ? 'unknown' : 'failed';
  if (errors.length === 1) return chosen.outcome === outcome ? chosen : chosen.with({ outcome });
  const cause = new AggregateError(errors, `${errors.length} copies failed`);
  return new GlfsError(chosen.code, chosen.reason, {
    fop: chosen.fop,
    translator: chosen.translator,
    brick: chosen.brick,
    gfid: chosen.gfid,
    outcome,
    cause,
  });
}

function behind(state: ReplicateState, errors: readonly GlfsError[]): GlfsError {
  return new GlfsError('EIO', 'some copies have made the change, too many others are behind', {
    translator: state.name,
    outcome: 'unknown',
    cause: new AggregateError(errors, `${errors.length} copies failed`),
  });
}

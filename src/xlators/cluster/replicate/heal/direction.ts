import type { OptionValues } from '../../../../graph/index.ts';
import { type ChildSet, has, indicesOf, NO_CHILDREN } from '../../children.ts';
import type { ChangeKind } from '../changelog.ts';
import type { ReplicateOptions } from '../options.ts';
import { type Examination, isExamined } from './examine.ts';

/** What the copies say of one kind of change: `matrix[i][j]` is what copy i has that j may lack. */
export interface Accounts {
  readonly matrix: readonly (readonly number[])[];
  /** By position: changes that were begun and not known to have ended everywhere. */
  readonly dirty: readonly number[];
}

/** Where to heal from and to. */
export interface Direction {
  /** None: split-brain. */
  readonly sources: ChildSet;
  readonly sinks: ChildSet;
  /** By position: how many changes a copy was part of that others may lack; breaks ties between sources. */
  readonly witness: readonly number[];
  /** Some copy accuses some copy. */
  readonly pending: boolean;
  readonly splitBrain: boolean;
}

export function accountsOf(examination: Examination, kind: ChangeKind): Accounts {
  const none = examination.map(() => 0);
  return {
    matrix: examination.map((found) =>
      isExamined(found) ? found.pending.map((changelog) => changelog[kind]) : none,
    ),
    dirty: examination.map((found) => (isExamined(found) ? found.dirty[kind] : 0)),
  };
}

/**
 * So many accusers a copy needs to be out of the question as a source where nobody is without: fewer can't have been a
 * change that counted. 0: any accuser is enough.
 */
export function accusersWanted(options: OptionValues<ReplicateOptions>, children: number): number {
  const { 'quorum-type': type, 'quorum-count': count } = options;
  const chosen = type ?? (children > 2 ? 'auto' : count > 0 ? 'fixed' : 'none');
  if (chosen === 'auto') return Math.floor(children / 2) + 1;
  return chosen === 'fixed' ? count : 0;
}

/**
 * Reads the copies' accounts. A copy that accuses itself is not believed in what it says of others. `locked`: copies that
 * take part; accounts are of all.
 */
export function findDirection(
  { matrix, dirty }: Accounts,
  locked: ChildSet,
  kind: ChangeKind,
  wanted: number,
): Direction {
  const indices = matrix.map((_, index) => index);
  const confesses = indices.map((index) => matrix[index]![index] !== 0);
  const accusers = indices.map(
    (accused) => indices.filter((by) => !confesses[by] && matrix[by]![accused] !== 0).length,
  );
  const blames = indices.map((by) => indices.some((other) => other !== by && matrix[by]![other] !== 0));

  let sources = pick(indices, (index) => has(locked, index) && accusers[index] === 0);
  const sinks = accusedBy(matrix, sources, confesses);
  if (sources === NO_CHILDREN && kind !== 'entry') {
    // A post-op that reached few copies leaves blame that no quorum stands behind.
    sources = pick(indices, (index) => has(locked, index) && accusers[index]! < wanted);
  }
  const splitBrain = sources === NO_CHILDREN;
  return {
    sources,
    sinks: splitBrain ? sinks | locked : sinks,
    witness: indices.map((index) => witnessOf(index, { matrix, dirty }, confesses, blames)),
    pending: matrix.some((row) => row.some((count) => count !== 0)),
    splitBrain,
  };
}

function accusedBy(matrix: Accounts['matrix'], by: ChildSet, confesses: readonly boolean[]): ChildSet {
  let accused = NO_CHILDREN;
  for (const index of indicesOf(by)) {
    if (confesses[index]) continue;
    for (const [other, count] of matrix[index]!.entries()) if (count !== 0) accused |= 1 << other;
  }
  return accused;
}

/** Changelogs of GlusterFS before version 3.5 accuse their own copy while a change is under way: that is what dirty is now. */
function witnessOf(
  index: number,
  { matrix, dirty }: Accounts,
  confesses: readonly boolean[],
  blames: readonly boolean[],
): number {
  let witness = dirty[index]!;
  if (!confesses[index]) return witness;
  for (const [other, count] of matrix[index]!.entries()) if (other !== index) witness += count;
  if (blames[index] || !blames.some(Boolean)) witness += matrix[index]![index]!;
  return witness;
}

function pick(indices: readonly number[], wanted: (index: number) => boolean): ChildSet {
  return indices.reduce<ChildSet>((set, index) => (wanted(index) ? set | (1 << index) : set), NO_CHILDREN);
}

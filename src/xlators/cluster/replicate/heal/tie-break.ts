import { compareTimes, type Iatt, isDirectory } from '../../../../protocol/iatt.ts';
import { type ChildSet, countOf, indicesOf, NO_CHILDREN } from '../../children.ts';
import type { SplitBrainPolicy } from './session.ts';

/** Attributes of all copies, by position. */
export type Stats = readonly Iatt[];

type Compare = (a: Iatt, b: Iatt) => number;

const bySize: Compare = (a, b) => a.size - b.size;
const byMtime: Compare = (a, b) => compareTimes(a.mtime, a.mtimeNsec, b.mtime, b.mtimeNsec);
const byCtime: Compare = (a, b) => compareTimes(a.ctime, a.ctimeNsec, b.ctime, b.ctimeNsec);

/** Those of `among` that no other exceeds. */
export function greatest(stats: Stats, among: ChildSet, compare: Compare): ChildSet {
  const indices = indicesOf(among);
  return keep(indices, (index) => indices.every((other) => compare(stats[index]!, stats[other]!) >= 0));
}

export function largest(stats: Stats, among: ChildSet): ChildSet {
  return greatest(stats, among, bySize);
}

/** Seconds decide; of equals the last: what GlusterFS's healers take. */
export function newest(stats: Stats, among: ChildSet): ChildSet {
  const seconds: Compare = (a, b) => compareTimes(a.ctime, 0, b.ctime, 0);
  return keep([indicesOf(greatest(stats, among, seconds)).at(-1)!], () => true);
}

/** More than half of all copies have its size and time. */
function majority(stats: Stats, among: ChildSet): ChildSet {
  const same = (a: Iatt, b: Iatt): boolean => a.mtime === b.mtime && a.size === b.size;
  const found = indicesOf(among).find(
    (index) => 2 * stats.filter((other) => same(stats[index]!, other)).length > stats.length,
  );
  return found === undefined ? NO_CHILDREN : 1 << found;
}

type Rule = (stats: Stats, among: ChildSet) => ChildSet;

const rules: Readonly<Record<Exclude<SplitBrainPolicy['by'], 'source'>, Rule>> = {
  size: (stats, among) => (stats.some(isDirectory) ? NO_CHILDREN : largest(stats, among)),
  mtime: (stats, among) => greatest(stats, among, byMtime),
  ctime: (stats, among) => greatest(stats, among, byCtime),
  majority,
};

/**
 * The copy that a policy declares right; undefined where it can't tell. The administrator's word (`exact`) must single out
 * one copy; a volume's favorite-child-policy takes the first of equals, but of none that are equal in size.
 */
export function chosenBy(
  policy: SplitBrainPolicy,
  stats: Stats,
  among: ChildSet,
  exact: boolean,
): number | undefined {
  if (policy.by === 'source') return (among & (1 << policy.index)) === 0 ? undefined : policy.index;
  const best = rules[policy.by](stats, among);
  const unique = exact || policy.by === 'size';
  return unique && countOf(best) !== 1 ? undefined : indicesOf(best)[0];
}

function keep(indices: readonly number[], wanted: (index: number) => boolean): ChildSet {
  return indices.reduce<ChildSet>((set, index) => (wanted(index) ? set | (1 << index) : set), NO_CHILDREN);
}

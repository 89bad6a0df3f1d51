/**
 * A set of subvolumes by their positions in the volfile, one bit for each. Sets are compared, joined and cut on every
 * operation, so they are plain numbers.
 */
export type ChildSet = number;

/** Bits of a number that stays positive where bits are joined. */
export const MOST_CHILDREN = 31;

export const NO_CHILDREN: ChildSet = 0;

export function childSet(indices: Iterable<number>): ChildSet {
  let set = NO_CHILDREN;
  for (const index of indices) set |= 1 << index;
  return set;
}

/** The first `count` subvolumes. */
export function allChildren(count: number): ChildSet {
  return 2 ** count - 1;
}

export function has(set: ChildSet, index: number): boolean {
  return (set & (1 << index)) !== 0;
}

export function countOf(set: ChildSet): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Positions in ascending order, which is also the order in which blocking locks are taken. */
export function indicesOf(set: ChildSet): number[] {
  const indices: number[] = [];
  for (let index = 0; index < MOST_CHILDREN && set >> index !== 0; index++)
    if (has(set, index)) indices.push(index);
  return indices;
}

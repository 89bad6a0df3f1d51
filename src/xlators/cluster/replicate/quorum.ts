import { allChildren, type ChildSet, countOf, has } from '../children.ts';

/** How many copies must take part for an operation to count: `quorum-type` and `quorum-count`. */
export interface Quorum {
  /** In words: `none`, `auto`, `fixed 2`. */
  readonly rule: string;
  /** False where any single copy will do: there is nothing to check then. */
  readonly wanted: boolean;
  /** Whether these copies are enough. */
  met(children: ChildSet): boolean;
}

export interface QuorumRule {
  /** As the volfile has it; undefined where it doesn't. */
  readonly type: string | undefined;
  readonly count: number;
  readonly children: number;
}

/**
 * `none`: any copy. `fixed`: so many. `auto`: more than half, or exactly half with the first of all among them. Without a
 * type sets of more than two have `auto`. A count without a type is taken as `fixed` in sets of two.
 */
export function makeQuorum({ type, count, children }: QuorumRule): Quorum {
  const chosen = type ?? (children > 2 ? 'auto' : count > 0 ? 'fixed' : 'none');
  if (chosen === 'auto') return { rule: chosen, wanted: true, met: (set) => majority(set, children) };
  if (chosen === 'fixed' && count > 0) {
    const met = (set: ChildSet): boolean => countOf(set & allChildren(children)) >= count;
    return { rule: `fixed ${count}`, wanted: true, met };
  }
  return { rule: 'none', wanted: false, met: (set) => set !== 0 };
}

function majority(set: ChildSet, children: number): boolean {
  const twice = 2 * countOf(set & allChildren(children));
  return twice > children || (twice === children && has(set, 0));
}

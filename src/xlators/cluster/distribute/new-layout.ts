import type { CallContext, Inode } from '../../../graph/index.ts';
import { gfidToString } from '../../../protocol/gfid.ts';
import { byName, HASH_MAX, Layout, type LayoutEntry, LayoutType } from './layout.ts';
import { pathOf } from './paths.ts';
import type { DistributeState } from './state.ts';

export interface NewRanges {
  /** Hash of the directory's path (or gfid): where the ranges start, so that not every directory's first names meet. */
  readonly rotation: number;
  /** Over how many subvolumes; 0: all that can take part. */
  readonly spread: number;
  /** Size of a subvolume; 0 where unknown. Absent: all count the same. */
  readonly weight?: (entry: LayoutEntry) => number;
  /** Those that must not take part. */
  readonly excluded: (entry: LayoutEntry) => boolean;
  readonly commitHash: number;
}

/** Subvolumes that have the directory, or will have it once it is healed. */
function usable(entry: LayoutEntry): boolean {
  return entry.state === 'ok' || entry.state === 'unwritten' || entry.state === 'ENOENT';
}

/**
 * Gives every hash to one of the subvolumes that can take part, in the order of their names from `rotation` on, each as
 * many as its weight says. Full ones (ENOSPC) get nothing unless all are full.
 */
export function newRanges(base: Layout, ranges: NewRanges): Layout {
  const prepared = prepare([...base.entries].sort(byName), ranges.excluded);
  const from = ranges.rotation % Math.max(1, prepared.length);
  const candidates = [...prepared.slice(from), ...prepared.slice(0, from)].filter(usable);
  const members = ranges.spread > 0 ? candidates.slice(0, ranges.spread) : candidates;
  const weights = members.map((entry) => ranges.weight?.(entry) ?? 1);
  const weighted = weights.every((weight) => weight > 0);
  const total = weighted ? weights.reduce((sum, weight) => sum + weight, 0) : members.length;
  // As a double, and cut off for each: bricks of equal size get equal ranges, the last one what is left.
  const perUnit = HASH_MAX / total;

  const given = new Map<LayoutEntry, LayoutEntry>();
  let start = 0;
  for (const [index, entry] of members.entries()) {
    const size = Math.trunc(perUnit * (weighted ? weights[index]! : 1));
    const stop = index === members.length - 1 ? HASH_MAX : start + size - 1;
    if (stop >= start) given.set(entry, { ...entry, start, stop, commitHash: ranges.commitHash });
    start = Math.max(start, stop + 1);
  }
  const entries = prepared.map((entry) => given.get(entry) ?? entry);
  return new Layout(entries, ranges.commitHash, LayoutType.HASHED, base.generation);
}

function prepare(entries: readonly LayoutEntry[], excluded: NewRanges['excluded']): LayoutEntry[] {
  const reset = entries.map((entry): LayoutEntry => {
    const state = excluded(entry) ? 'EINVAL' : entry.state === 'ok' ? 'unwritten' : entry.state;
    return { ...entry, state, start: 0, stop: 0 };
  });
  if (reset.some(usable)) return reset;
  return reset.map((entry) => (entry.state === 'ENOSPC' ? { ...entry, state: 'unwritten' } : entry));
}

/** New ranges for a directory, as the options say. */
export async function computeLayout(
  state: DistributeState,
  directory: Inode,
  base: Layout,
  commitHash: number,
  context: CallContext,
): Promise<Layout> {
  await state.freeSpace.refresh();
  const name = state.options['randomize-hash-range-by-gfid']
    ? gfidToString(directory.gfid)
    : await pathOf(state, directory, context);
  return newRanges(base, {
    rotation: state.hash.hash(name),
    spread: state.options['directory-layout-spread'],
    weight: state.options['weighted-rebalance'] ? ({ child }) => state.freeSpace.chunks(child) : undefined,
    excluded: ({ child }) => state.decommissioned.has(child),
    commitHash,
  });
}

import { Dict } from '../../../protocol/dict.ts';
import { type Iatt, isDirectory } from '../../../protocol/iatt.ts';
import { allChildren, type ChildSet, has, NO_CHILDREN } from '../children.ts';
import { type ChangeKind, type Changelog, decodeChangelog, isClean } from './changelog.ts';
import type { Copies } from './file-state.ts';

/** What one copy says of the file and of all copies. */
export interface CopyView {
  readonly stat: Iatt;
  /** By position: what it holds against each copy, itself included. */
  readonly accuses: readonly Changelog[];
  /** Changes that it has seen begin and not end. */
  readonly dirty: Changelog;
  /** The brick itself has found its copy to be corrupt (bit-rot): it counts for nothing. */
  readonly bad?: boolean;
}

/** By position; undefined where a copy was not asked, or failed to answer. */
export type CopyViews = readonly (CopyView | undefined)[];

/** What the copies together come to. */
export interface Verdict extends Copies {
  /** Copies that at least one copy accuses, or that are shorter than others. */
  readonly accused: { readonly data: ChildSet; readonly metadata: ChildSet };
  /** Something is to be healed, or under way. */
  readonly pending: boolean;
}

export interface Circumstances {
  /** Number of copies, those that were not asked included. */
  readonly count: number;
  readonly arbiter: number | undefined;
  /** Somebody holds a lock on the data: sizes may differ just now, which means nothing. */
  readonly busy: boolean;
}

/** Attribute by which bricks report what bit-rot detection has found. */
export const BAD_INODE = 'glusterfs.bad-inode';

export interface ChangelogNames {
  readonly pendingNames: readonly string[];
  readonly dirtyName: string;
}

/** Reads what a copy says out of its answer. */
export function viewOf(
  { pendingNames, dirtyName }: ChangelogNames,
  stat: Iatt,
  xdata: Dict = new Dict(),
): CopyView {
  return {
    stat,
    accuses: pendingNames.map((name) => decodeChangelog(xdata.bytes(name))),
    dirty: decodeChangelog(xdata.bytes(dirtyName)),
    bad: xdata.has(BAD_INODE),
  };
}

/** The counter that tells of what `data` means for this type of file: the entries of a directory, the bytes of others. */
export function contentKind(stat: Iatt): ChangeKind {
  return isDirectory(stat) ? 'entry' : 'data';
}

/** Copies that answered and whose word counts. */
export function heard(views: CopyViews): ChildSet {
  let set = NO_CHILDREN;
  for (const [index, view] of views.entries()) if (view !== undefined && !view.bad) set |= 1 << index;
  return set;
}

/**
 * Copies that somebody accuses. One's word is as good as another's: an accused copy accuses, too, and may accuse itself (a
 * change that failed there alone, or that was begun there and nowhere else).
 */
export function accusedIn(views: CopyViews, kind: ChangeKind): ChildSet {
  let set = NO_CHILDREN;
  for (const view of views) {
    if (view === undefined || view.bad) continue;
    for (const [index, changelog] of view.accuses.entries()) if (changelog[kind] !== 0) set |= 1 << index;
  }
  return set;
}

/** Of copies that nobody accuses: those that are shorter than the longest. The arbiter's are always empty. */
export function shorter(views: CopyViews, accused: ChildSet, arbiter: number | undefined): ChildSet {
  const compared = heard(views) & ~accused;
  let longest = 0;
  for (const [index, view] of views.entries()) {
    if (has(compared, index)) longest = Math.max(longest, view!.stat.size);
  }
  let set = NO_CHILDREN;
  for (const [index, view] of views.entries()) {
    if (has(compared, index) && index !== arbiter && view!.stat.size < longest) set |= 1 << index;
  }
  return set;
}

/** Which copies can be read. */
export function judge(views: CopyViews, { count, arbiter, busy }: Circumstances): Verdict {
  const first = views.find((view) => view !== undefined);
  const kind = first === undefined ? 'data' : contentKind(first.stat);
  const metadata = accusedIn(views, 'metadata');
  let data = accusedIn(views, kind);
  if (kind === 'data' && !busy) data |= shorter(views, data, arbiter);
  const withData = allChildren(count) & ~(arbiter === undefined ? 0 : 1 << arbiter);
  const candidates = heard(views) & withData;
  const readable = { data: candidates & ~data, metadata: candidates & ~metadata };
  // One that was not there to be asked and that nobody accuses may be right: the file is out of reach then, not split.
  const split = (accused: ChildSet): boolean => candidates !== 0 && (withData & ~accused) === 0;
  return {
    ...readable,
    splitBrain: { data: split(data), metadata: split(metadata) },
    accused: { data, metadata },
    pending: data !== 0 || metadata !== 0 || views.some((view) => view !== undefined && !isClean(view.dirty)),
  };
}

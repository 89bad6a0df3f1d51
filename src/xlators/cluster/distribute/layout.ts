import type { ErrnoCode } from '../../../errors.ts';
import type { Subvolume } from '../../../graph/index.ts';

/*
 * trusted.glusterfs.dht on each brick of a directory, 16 bytes, four u32 big-endian:
 *   commit hash (0 never set, 1 invalid), type (0, or 1: ranges set by the user), start, stop (both inclusive).
 * start == stop: the subvolume takes no part in this directory.
 */
export const LAYOUT_BYTES = 16;
export const HASH_MAX = 0xffffffff;
/** Commit hash of a layout that some subvolume doesn't share: names must be looked for everywhere. */
export const COMMIT_INVALID = 1;
export const LayoutType = { HASHED: 0, USER: 1 } as const;

/** The range of names that one subvolume has in one directory. */
export interface LayoutRange {
  readonly commitHash: number;
  readonly type: number;
  readonly start: number;
  readonly stop: number;
}

/**
 * - `ok`: the subvolume has the directory;
 * - `unwritten`: it has the directory, but not yet the range that stands here;
 * - an errno: it could not say, or has not got it (ENOENT).
 */
export type EntryState = 'ok' | 'unwritten' | ErrnoCode;

export interface LayoutEntry {
  readonly child: Subvolume;
  readonly state: EntryState;
  readonly start: number;
  readonly stop: number;
  readonly commitHash: number;
}

export interface Anomalies {
  holes: number;
  overlaps: number;
  /** Subvolumes that lack the directory, or whose range is not written. */
  missing: number;
  down: number;
  noSpace: number;
  misc: number;
}

/** @returns undefined for bytes that are no layout of a known type. */
export function parseRange(bytes: Uint8Array | undefined): LayoutRange | undefined {
  if (bytes?.length !== LAYOUT_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, LAYOUT_BYTES);
  const type = view.getUint32(4);
  if (type !== LayoutType.HASHED && type !== LayoutType.USER) return undefined;
  return { commitHash: view.getUint32(0), type, start: view.getUint32(8), stop: view.getUint32(12) };
}

export function rangeBytes(range: LayoutRange): Uint8Array {
  const bytes = new Uint8Array(LAYOUT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, range.commitHash);
  view.setUint32(4, range.type);
  view.setUint32(8, range.start);
  view.setUint32(12, range.stop);
  return bytes;
}

export function takesPart(entry: { start: number; stop: number }): boolean {
  return entry.start !== entry.stop;
}

/** How the names of one directory are spread over the subvolumes. Immutable: a change makes a new one. */
export class Layout {
  /** By start of range; those without one come first. */
  readonly entries: readonly LayoutEntry[];
  readonly commitHash: number;
  readonly type: number;
  /** Generation of the subvolumes' comings and goings that it was read in. */
  readonly generation: number;
  private found: Anomalies | undefined;

  constructor(
    entries: readonly LayoutEntry[],
    commitHash = 0,
    type: number = LayoutType.HASHED,
    generation = 0,
  ) {
    this.entries = [...entries].sort(byStart);
    this.commitHash = commitHash;
    this.type = type;
    this.generation = generation;
  }

  /**
   * The subvolume whose range holds `hash`; none where the layout has a hole there. An empty range, 0 to 0, holds the hash 0:
   * GlusterFS's clients take it so, and every client must find the same.
   */
  search(hash: number): Subvolume | undefined {
    for (const { start, stop, child } of this.entries) if (hash >= start && hash <= stop) return child;
    return undefined;
  }

  entryOf(child: Subvolume): LayoutEntry | undefined {
    return this.entries.find((entry) => entry.child === child);
  }

  rangeOf(child: Subvolume): LayoutRange | undefined {
    const entry = this.entryOf(child);
    return entry && { commitHash: entry.commitHash, type: this.type, start: entry.start, stop: entry.stop };
  }

  /** The subvolumes of which it is known that they have the directory. */
  get present(): Subvolume[] {
    return this.entries
      .filter(({ state }) => state === 'ok' || state === 'unwritten')
      .map(({ child }) => child);
  }

  get anomalies(): Readonly<Anomalies> {
    this.found ??= countAnomalies(this.entries);
    return this.found;
  }

  /** Every hash has exactly one subvolume. */
  get isWhole(): boolean {
    return this.anomalies.holes === 0 && this.anomalies.overlaps === 0;
  }

  /** Whole, and no subvolume lacks the directory. */
  get isGood(): boolean {
    return this.isWhole && !this.entries.some(lacksDirectory);
  }

  /** A subvolume that could not be asked: why no new ranges may be given out. */
  get down(): Subvolume | undefined {
    return this.entries.find((entry) => entry.state === 'ENOTCONN')?.child;
  }

  with(changes: { commitHash?: number; generation?: number; entries?: readonly LayoutEntry[] }): Layout {
    return new Layout(
      changes.entries ?? this.entries,
      changes.commitHash ?? this.commitHash,
      this.type,
      changes.generation ?? this.generation,
    );
  }
}

function byStart(a: LayoutEntry, b: LayoutEntry): number {
  // The sort is stable: entries without a range keep their order, in front.
  return Number(takesPart(a)) - Number(takesPart(b)) || a.start - b.start;
}

export function byName(a: { child: Subvolume }, b: { child: Subvolume }): number {
  return compareNames(a.child.name, b.child.name);
}

/** strcmp on names of subvolumes, which are plain ASCII in volfiles: the order of locks and of ranges. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lacksDirectory(entry: LayoutEntry): boolean {
  return entry.state === 'ENOENT' || (entry.state === 'unwritten' && !takesPart(entry));
}

function countAnomalies(sorted: readonly LayoutEntry[]): Anomalies {
  const found: Anomalies = { holes: 0, overlaps: 0, missing: 0, down: 0, noSpace: 0, misc: 0 };
  let next = 0;
  let part = false;
  for (const entry of sorted) {
    const kind = stateKind(entry.state);
    if (kind !== undefined) {
      found[kind]++;
      continue;
    }
    if (!takesPart(entry)) continue;
    part = true;
    if (entry.start > next) found.holes++;
    else if (entry.start < next) found.overlaps++;
    next = Math.max(next, entry.stop + 1);
  }
  if (!part || next !== HASH_MAX + 1) found.holes++;
  return found;
}

function stateKind(state: EntryState): 'missing' | 'down' | 'noSpace' | 'misc' | undefined {
  switch (state) {
    case 'ok':
      return undefined;
    case 'unwritten':
    case 'ENOENT':
    case 'ESTALE':
      return 'missing';
    case 'ENOTCONN':
      return 'down';
    case 'ENOSPC':
      return 'noSpace';
    default:
      return 'misc';
  }
}

/** What one subvolume told of a directory. */
export interface LayoutReport {
  readonly child: Subvolume;
  /** Set where the subvolume failed. */
  readonly error?: ErrnoCode;
  /** Value of the layout attribute; absent where the directory has none. */
  readonly bytes?: Uint8Array;
}

/** The layout that the subvolumes' reports make together. Different commit hashes make an invalid one. */
export function mergeReports(reports: readonly LayoutReport[], generation: number): Layout {
  let commitHash = 0;
  let type: number = LayoutType.HASHED;
  const entries = reports.map(({ child, error, bytes }): LayoutEntry => {
    const nothing = { child, start: 0, stop: 0, commitHash: 0 };
    if (error !== undefined) return { ...nothing, state: error };
    if (bytes === undefined) return { ...nothing, state: 'ok' };
    const range = parseRange(bytes);
    if (range === undefined) return { ...nothing, state: 'unwritten' };
    if (commitHash === 0) commitHash = range.commitHash;
    else if (commitHash !== range.commitHash) commitHash = COMMIT_INVALID;
    if (range.type === LayoutType.USER) type = LayoutType.USER;
    return { child, state: 'ok', start: range.start, stop: range.stop, commitHash: range.commitHash };
  });
  return new Layout(entries, commitHash, type, generation);
}

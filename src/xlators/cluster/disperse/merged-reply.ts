import { Dict, type DictEntry } from '../../../protocol/dict.ts';
import { compareTimes, type Iatt, isRegular } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { isPrivate } from './private-attributes.ts';
import type { DisperseState } from './state.ts';

/* One answer of several that are the same but for what differs between fragments. */

/** Bytes of a regular file, which no fragment's own length tells; a function where they are not known of anything else. */
export type SizeOf = number | (() => number);

/** Attributes of the whole: the room of all fragments without that of the redundancy, and the latest times. */
export function mergedStat(state: DisperseState, stats: readonly Iatt[], size: SizeOf | undefined): Iatt {
  const merged = { ...stats[0]! };
  merged.blocks = Math.ceil((stats.reduce((sum, { blocks }) => sum + blocks, 0) * state.data) / stats.length);
  if (isRegular(merged) && size !== undefined) merged.size = typeof size === 'number' ? size : size();
  for (const stat of stats.slice(1)) {
    merged.blksize = Math.max(merged.blksize, stat.blksize);
    if (compareTimes(stat.atime, stat.atimeNsec, merged.atime, merged.atimeNsec) > 0) {
      merged.atime = stat.atime;
      merged.atimeNsec = stat.atimeNsec;
    }
    if (compareTimes(stat.mtime, stat.mtimeNsec, merged.mtime, merged.mtimeNsec) > 0) {
      merged.mtime = stat.mtime;
      merged.mtimeNsec = stat.mtimeNsec;
    }
    if (compareTimes(stat.ctime, stat.ctimeNsec, merged.ctime, merged.ctimeNsec) > 0) {
      merged.ctime = stat.ctime;
      merged.ctimeNsec = stat.ctimeNsec;
    }
  }
  return merged;
}

/** Fields of replies that hold attributes of the file itself, and of directories. */
const STATS = [
  'stat',
  'prestat',
  'poststat',
  'preparent',
  'postparent',
  'preoldparent',
  'postoldparent',
  'prenewparent',
  'postnewparent',
] as const;

type Mergeable = { readonly xdata?: Dict } & { readonly [K in (typeof STATS)[number]]?: Iatt };

/** `replies` hold at least one; all else is the first one's. */
export function mergedReply<T extends Mergeable>(
  state: DisperseState,
  replies: readonly T[],
  size?: SizeOf,
): T {
  const merged: T = { ...replies[0]! };
  const stats: { [K in (typeof STATS)[number]]?: Iatt } = {};
  for (const field of STATS) {
    const all = replies.flatMap((reply) => reply[field] ?? []);
    if (all.length > 0) stats[field] = mergedStat(state, all, size);
  }
  return Object.assign(merged, stats, { xdata: mergedXdata(state, replies, size) });
}

/** Counts of which the largest tells. */
const COUNTS: readonly string[] = [
  keys.linkCount.name,
  keys.openFdCount.name,
  keys.activeFdCount.name,
  keys.inodelkCount.name,
  keys.entrylkCount.name,
  keys.posixlkCount.name,
  keys.parentEntrylk.name,
];

/** What bricks say of their own fragment, in bytes. */
const FRAGMENT_ONLY: readonly string[] = [keys.getSize.name, keys.content.name, keys.writeIsAppend.name];

export function mergedXdata(
  state: DisperseState,
  replies: readonly { readonly xdata?: Dict }[],
  size: SizeOf | undefined,
): Dict | undefined {
  const all = replies.flatMap(({ xdata }) => xdata ?? []);
  const [first] = all;
  if (first === undefined) return undefined;
  const merged = new Dict();
  for (const [name, entry] of first) {
    if (isPrivate(name) || FRAGMENT_ONLY.includes(name)) continue;
    const others = all.flatMap((xdata) => xdata.entry(name) ?? []);
    merged.setEntry(name, COUNTS.includes(name) ? largest(others) : mergedEntry(state, entry, others, size));
  }
  return merged;
}

function mergedEntry(
  state: DisperseState,
  entry: DictEntry,
  all: readonly DictEntry[],
  size: SizeOf | undefined,
): DictEntry {
  if (entry.type !== 'iatt') return entry;
  const stats = all.flatMap((each) => (each.type === 'iatt' ? each.value : []));
  return { type: 'iatt', value: mergedStat(state, stats, size) };
}

function largest(entries: readonly DictEntry[]): DictEntry {
  const numberOf = (entry: DictEntry): bigint =>
    entry.type === 'int' || entry.type === 'uint' ? entry.value : 0n;
  return entries.reduce((most, entry) => (numberOf(entry) > numberOf(most) ? entry : most));
}

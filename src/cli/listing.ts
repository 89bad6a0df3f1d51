import type { Stats } from '../api/stats.ts';
import { alignRows, deviceNumbers, inColumns, isDevice, modeText } from './format.ts';
import { quoteIfNeeded } from './quote.ts';
import { humanSize } from './sizes.ts';
import { listTime } from './times.ts';
import { groups, users } from './users.ts';

/** One line of a listing. */
export interface Listed {
  /** As it is shown: a name, or the operand. */
  readonly name: string;
  /** Absent where the listing needs no attributes, or the file vanished. */
  readonly stats: Stats | undefined;
  /** Target of a symbolic link, in long listings. */
  readonly target?: string;
}

export interface Layout {
  readonly long: boolean;
  readonly human: boolean;
  /** Numbers of users and groups instead of names. */
  readonly numeric: boolean;
  /** Width of the terminal, for columns; undefined for one name a line. */
  readonly columns: number | undefined;
  /** Names are quoted where a shell needs it: on terminals. */
  readonly quoted: boolean;
}

export type SortKey = 'name' | 'time' | 'size' | 'none';

/** Sorts as ls does in the C locale: by bytes of the name, newest first, largest first. */
export function sortListed<T extends Listed>(entries: T[], key: SortKey, reverse: boolean): T[] {
  if (key === 'none') return reverse ? entries.reverse() : entries;
  const byKey = {
    name: () => 0,
    time: (a: Listed, b: Listed) => (b.stats?.mtimeMs ?? 0) - (a.stats?.mtimeMs ?? 0),
    size: (a: Listed, b: Listed) => (b.stats?.size ?? 0) - (a.stats?.size ?? 0),
  }[key];
  const sign = reverse ? -1 : 1;
  return entries.sort((a, b) => sign * (byKey(a, b) || compareNames(a.name, b.name)));
}

/** Order of UTF-8 bytes: that of code points, not of UTF-16 units. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at < 0) return -1;
  return (left[at]!.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}

/** Lines of a listing, without its `total`. */
export function listingLines(entries: readonly Listed[], layout: Layout): string[] {
  const shown = (name: string): string => (layout.quoted ? quoteIfNeeded(name) : name);
  if (layout.long) return longLines(entries, layout, shown);
  const names = entries.map(({ name }) => shown(name));
  return layout.columns === undefined ? names : inColumns(names, layout.columns);
}

/** `total` of a long listing of a directory: 1 KiB blocks. */
export function totalLine(entries: readonly Listed[], human: boolean): string {
  const blocks = entries.reduce((sum, { stats }) => sum + (stats?.blocks ?? 0), 0);
  return `total ${human ? humanSize(blocks * 512) : Math.ceil(blocks / 2)}`;
}

function longLines(entries: readonly Listed[], layout: Layout, shown: (name: string) => string): string[] {
  const now = Date.now();
  const devices = entries.some(({ stats }) => stats !== undefined && isDevice(stats));
  const minors = devices
    ? alignRows(
        entries.map(({ stats }) => [minorOf(stats)]),
        ['right'],
      )
    : [];
  const rows = entries.map(({ name, stats, target }, index) => {
    const text = target === undefined ? shown(name) : `${shown(name)} -> ${shown(target)}`;
    if (stats === undefined) return ['??????????', '?', '?', '?', '?', `${'?'.padStart(12)} ${text}`];
    const size = isDevice(stats)
      ? `${deviceNumbers(stats.rdev).major}, ${minors[index]}`
      : layout.human
        ? humanSize(stats.size)
        : String(stats.size);
    return [
      modeText(stats.mode),
      String(stats.nlink),
      layout.numeric ? String(stats.uid) : users.of(stats.uid),
      layout.numeric ? String(stats.gid) : groups.of(stats.gid),
      size,
      `${listTime(stats.mtimeMs, now)} ${text}`,
    ];
  });
  const names = layout.numeric ? ('right' as const) : ('left' as const);
  return alignRows(rows, ['left', 'right', names, names, 'right', 'left']);
}

function minorOf(stats: Stats | undefined): string {
  return stats !== undefined && isDevice(stats) ? String(deviceNumbers(stats.rdev).minor) : '';
}

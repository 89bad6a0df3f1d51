import type { BigIntStats } from '../api/stats.ts';
import { deviceNumbers, isDevice, modeText, octal, typeOf } from './format.ts';
import { quote } from './quote.ts';
import { statTime } from './times.ts';
import { groups, users } from './users.ts';

/** What a format may show. */
export interface Shown {
  /** As the user named the file. */
  readonly name: string;
  readonly stats: BigIntStats;
  /** Of a symbolic link. */
  readonly target: string | undefined;
  /** The servers tell the time of birth. */
  readonly hasBirthtime: boolean;
}

const named = ({ name, target }: Shown): string =>
  target === undefined ? quote(name) : `${quote(name)} -> ${quote(target)}`;
const seconds = (nanoseconds: bigint): string => String(nanoseconds / 1_000_000_000n);
const born = (shown: Shown, text: (nanoseconds: bigint) => string, none: string): string =>
  shown.hasBirthtime ? text(shown.stats.birthtimeNs) : none;

/** stat(1)'s sequences; `%i` is the gfid's last eight bytes, as a mount shows it. */
const sequences: Readonly<Record<string, (shown: Shown) => string>> = {
  a: ({ stats }) => (Number(stats.mode) & 0o7777).toString(8),
  A: ({ stats }) => modeText(Number(stats.mode)),
  b: ({ stats }) => String(stats.blocks),
  B: () => '512',
  d: ({ stats }) => String(stats.dev),
  D: ({ stats }) => stats.dev.toString(16),
  f: ({ stats }) => stats.mode.toString(16),
  F: ({ stats }) => kindOf(stats),
  g: ({ stats }) => String(stats.gid),
  G: ({ stats }) => groups.of(Number(stats.gid)),
  h: ({ stats }) => String(stats.nlink),
  i: ({ stats }) => String(stats.ino),
  n: ({ name }) => name,
  N: named,
  o: ({ stats }) => String(stats.blksize),
  s: ({ stats }) => String(stats.size),
  t: ({ stats }) => deviceNumbers(stats.rdev).major.toString(16),
  T: ({ stats }) => deviceNumbers(stats.rdev).minor.toString(16),
  u: ({ stats }) => String(stats.uid),
  U: ({ stats }) => users.of(Number(stats.uid)),
  w: (shown) => born(shown, statTime, '-'),
  W: (shown) => born(shown, seconds, '0'),
  x: ({ stats }) => statTime(stats.atimeNs),
  X: ({ stats }) => seconds(stats.atimeNs),
  y: ({ stats }) => statTime(stats.mtimeNs),
  Y: ({ stats }) => seconds(stats.mtimeNs),
  z: ({ stats }) => statTime(stats.ctimeNs),
  Z: ({ stats }) => seconds(stats.ctimeNs),
  '%': () => '%',
};

/** Fills in a format; a sequence that nobody knows gives `?`, as in stat(1). A width and `-`, `0` may stand before a letter. */
export function fillFormat(format: string, shown: Shown): string {
  return format.replace(/%([-0]*)(\d*)(.)/gs, (_, flags: string, width: string, letter: string) => {
    const text = sequences[letter]?.(shown) ?? '?';
    if (flags.includes('-')) return text.padEnd(Number(width));
    return text.padStart(Number(width), flags.includes('0') ? '0' : ' ');
  });
}

function kindOf(stats: BigIntStats): string {
  const { long } = typeOf(Number(stats.mode));
  return stats.isFile() && stats.size === 0n ? 'regular empty file' : long;
}

/** The lines of stat without a format; the gfid is ours. */
export function statLines(shown: Shown): string[] {
  const { stats } = shown;
  const device = isDevice(stats) ? `     Device type: ${fillFormat('%t,%T', shown)}` : '';
  const owner = (id: bigint, name: string): string => `(${String(id).padStart(5)}/${name.padStart(8)})`;
  return [
    `  File: ${shown.target === undefined ? shown.name : fillFormat('%N', shown)}`,
    `  Size: ${String(stats.size).padEnd(10)}\tBlocks: ${String(stats.blocks).padEnd(10)} IO Block: ${String(stats.blksize).padEnd(6)} ${kindOf(stats)}`,
    `  GFID: ${stats.gfid}`,
    `Device: ${String(stats.dev)}\tInode: ${String(stats.ino).padEnd(11)} Links: ${stats.nlink}${device}`,
    `Access: (${octal(Number(stats.mode))}/${modeText(Number(stats.mode))})  Uid: ${owner(stats.uid, users.of(Number(stats.uid)))}   Gid: ${owner(stats.gid, groups.of(Number(stats.gid)))}`,
    `Access: ${statTime(stats.atimeNs)}`,
    `Modify: ${statTime(stats.mtimeNs)}`,
    `Change: ${statTime(stats.ctimeNs)}`,
    ` Birth: ${fillFormat('%w', shown)}`,
  ];
}

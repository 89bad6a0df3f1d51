import type { Dict } from '../../../protocol/dict.ts';
import { compareTimes, type Iatt, isDirectory, isRegular } from '../../../protocol/iatt.ts';
import type { AttributeNames } from './names.ts';

/** What every directory shows, however many bricks it has: bytes, and units of 512 bytes. */
const DIRECTORY_SIZE = 4096;
const DIRECTORY_BLOCKS = 8;

const S_ISGID = 0o2000;
const S_ISVTX = 0o1000;
const PERMISSIONS = 0o7777;

/** Attributes of one directory (or file in two places) from two subvolumes: the later times, the higher ids. */
export function mergeIatt(into: Iatt | undefined, from: Iatt): Iatt {
  const merged: Iatt = { ...from };
  if (into !== undefined) {
    merged.uid = Math.max(into.uid, from.uid);
    merged.gid = Math.max(into.gid, from.gid);
    for (const [seconds, nanoseconds] of times) {
      if (compareTimes(into[seconds], into[nanoseconds], from[seconds], from[nanoseconds]) > 0) {
        merged[seconds] = into[seconds];
        merged[nanoseconds] = into[nanoseconds];
      }
    }
    merged.size = into.size + from.size;
    merged.blocks = into.blocks + from.blocks;
  }
  return isDirectory(merged) ? asDirectory(merged) : merged;
}

const times = [
  ['atime', 'atimeNsec'],
  ['mtime', 'mtimeNsec'],
  ['ctime', 'ctimeNsec'],
] as const;

export function mergeAll(stats: readonly Iatt[]): Iatt | undefined {
  return stats.reduce<Iatt | undefined>((merged, stat) => mergeIatt(merged, stat), undefined);
}

/** A directory's (or parent's) attributes with the size that all directories show. */
export function asDirectory(stat: Iatt): Iatt {
  return { ...stat, size: DIRECTORY_SIZE, blocks: DIRECTORY_BLOCKS };
}

/** A linkto file has exactly the sticky bit, and the linkto attribute (which makes the difference to a user's own). */
export function isLinkto(stat: Iatt, xdata: Dict | undefined, names: AttributeNames): boolean {
  return hasLinktoMode(stat) && xdata?.has(names.linkto) === true;
}

/** Mode of a linkto file: also what a file has at its old place at the end of its migration (phase 2). */
export function hasLinktoMode(stat: Iatt): boolean {
  return isRegular(stat) && (stat.mode & PERMISSIONS) === S_ISVTX;
}

/** A file whose data are being copied to another subvolume (phase 1): sticky and setgid bit, both. */
export function isMigrating(stat: Iatt): boolean {
  return isRegular(stat) && (stat.mode & (S_ISVTX | S_ISGID)) === (S_ISVTX | S_ISGID);
}

/** Attributes as users see them: without the bits that mark a migration. */
export function withoutMigrationBits(stat: Iatt): Iatt {
  return isMigrating(stat) ? { ...stat, mode: stat.mode & ~(S_ISVTX | S_ISGID) } : stat;
}

export function withStickyBit(stat: Iatt): Iatt {
  return { ...stat, mode: stat.mode | S_ISVTX };
}

import { compareTimes, type Iatt } from '../../../protocol/iatt.ts';
import { fileSize, type Layout } from './layout.ts';

/** The attributes of one stripe. */
export interface StripeStat {
  readonly index: number;
  readonly stat: Iatt;
}

const times = [
  ['atime', 'atimeNsec'],
  ['mtime', 'mtimeNsec'],
  ['ctime', 'ctimeNsec'],
] as const;

/**
 * The file of these stripes: it ends where the last of them does, has the blocks of all and the latest times; owner, mode and names are
 * those of the first that is given. (GlusterFS takes all times from its first subvolume, which writes to the others don't touch.)
 */
export function mergeStats(layout: Layout, stripes: readonly StripeStat[]): Iatt {
  const [first, ...others] = stripes;
  const merged: Iatt = { ...first!.stat, size: fileSize(layout, first!.index, first!.stat.size) };
  for (const { index, stat } of others) {
    merged.size = Math.max(merged.size, fileSize(layout, index, stat.size));
    merged.blocks += stat.blocks;
    for (const [seconds, nanoseconds] of times) {
      if (compareTimes(stat[seconds], stat[nanoseconds], merged[seconds], merged[nanoseconds]) <= 0) continue;
      merged[seconds] = stat[seconds];
      merged[nanoseconds] = stat[nanoseconds];
    }
  }
  return merged;
}

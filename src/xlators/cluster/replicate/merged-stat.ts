import { compareTimes, type Iatt } from '../../../protocol/iatt.ts';

/**
 * Attributes of a file of which no copy is good in all: what belongs to the bytes is taken from a copy whose bytes are good, all
 * else from one whose attributes are.
 */
export function mergedStat(metadata: Iatt, data: Iatt): Iatt {
  const { size, blocks } = data;
  const isLater = compareTimes(data.mtime, data.mtimeNsec, metadata.mtime, metadata.mtimeNsec) > 0;
  const { mtime, mtimeNsec } = isLater ? data : metadata;
  return { ...metadata, size, blocks, mtime, mtimeNsec };
}

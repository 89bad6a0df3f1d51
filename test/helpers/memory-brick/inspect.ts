import { daviesMeyer } from '../../../src/xlators/cluster/distribute/hash.ts';
import { parseRange } from '../../../src/xlators/cluster/distribute/layout.ts';
import type { MemoryBrick } from './brick.ts';
import type { MemoryCluster } from './cluster.ts';
import type { Node } from './store.ts';
import { isLinktoNode, LINKTO } from './xdata.ts';

export const LAYOUT = 'trusted.glusterfs.dht';

/** What a brick has under a path. */
export function at(brick: MemoryBrick, path: string): Node | undefined {
  let node: Node | undefined = brick.store.root;
  for (const name of path.split('/').filter((part) => part !== '')) node = node?.entries.get(name)?.node;
  return node;
}

/** Index of the brick whose range in the directory has the name. */
export function hashedIndex(cluster: MemoryCluster, directory: string, name: string): number {
  const hash = daviesMeyer(Buffer.from(name));
  return cluster.bricks.findIndex((brick) => {
    const range = parseRange(at(brick, directory)?.xattrs.get(LAYOUT));
    return range !== undefined && range.start !== range.stop && range.start <= hash && hash <= range.stop;
  });
}

/** Names that hash to a brick, in a directory. */
export function nameOn(cluster: MemoryCluster, directory: string, index: number, prefix = 'f'): string {
  for (let serial = 0; ; serial++) {
    if (hashedIndex(cluster, directory, `${prefix}${serial}`) === index) return `${prefix}${serial}`;
  }
}

/** Where a path has data, and where linkto files. */
export function places(cluster: MemoryCluster, path: string): { data: number[]; linkto: [number, string][] } {
  const data: number[] = [];
  const linkto: [number, string][] = [];
  for (const [index, brick] of cluster.bricks.entries()) {
    const node = at(brick, path);
    if (node === undefined) continue;
    if (isLinktoNode(node))
      linkto.push([index, Buffer.from(node.xattrs.get(LINKTO)!).toString().replace('\0', '')]);
    else data.push(index);
  }
  return { data, linkto };
}

/** Hashes from 0 on that the bricks' ranges of a directory hold exactly once: 2^32 when all do; -1 for holes. */
export function coverage(cluster: MemoryCluster, directory: string): number {
  const ranges = cluster.bricks
    .map((brick) => parseRange(at(brick, directory)?.xattrs.get(LAYOUT)))
    .filter((range) => range !== undefined && range.start !== range.stop)
    .map((range) => range!)
    .sort((a, b) => a.start - b.start);
  let next = 0;
  for (const { start, stop } of ranges) {
    if (start !== next) return -1;
    next = stop + 1;
  }
  return next;
}

/** Lets a directory be as if a rebalance had exchanged the ranges of two bricks, with no file moved. */
export function exchangeRanges(cluster: MemoryCluster, directory: string, a: number, b: number): void {
  const [first, second] = [a, b].map((index) => at(cluster.brick(index), directory)!);
  const range = first!.xattrs.get(LAYOUT)!;
  first!.xattrs.set(LAYOUT, second!.xattrs.get(LAYOUT)!);
  second!.xattrs.set(LAYOUT, range);
}

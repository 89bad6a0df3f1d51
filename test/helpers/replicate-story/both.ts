import { readFileSync } from 'node:fs';
import type { Volume } from '../../../src/index.ts';
import type { Mount } from '../mount.ts';
import type { TestVolume } from '../volume.ts';
import { waitUntil } from '../wait.ts';

/** Volume options that take caches and healers out of a story: every call reaches the bricks, and only those of the story do. */
export const plainVolume: Readonly<Record<string, string>> = {
  'cluster.self-heal-daemon': 'off',
  ...Object.fromEntries(
    [
      ...['quick-read', 'read-ahead', 'io-cache', 'stat-prefetch', 'write-behind', 'open-behind'],
      ...['readdir-ahead', 'nl-cache', 'flush-behind'],
    ].map((name) => [`performance.${name}`, 'off']),
  ),
};

/** What GlusterFS's mount thinks of the copies of its first replica set: whether each is up. */
export function upForMount(mount: Mount, volume: TestVolume): boolean[] {
  const text = readFileSync(mount.at(`.meta/graphs/active/${volume.name}-replicate-0/private`), 'latin1');
  return [...text.matchAll(/^child_up\[\d+\] = (\d)/gm)].map(([, up]) => up === '1');
}

/** What glfs thinks of them. */
export function upForVolume(volume: Volume): boolean[] {
  const found = findReplicate(volume.statedump());
  return Object.values(found).map(({ up }) => up);
}

type Dumped = Record<string, { up: boolean }>;

function findReplicate(dump: unknown): Dumped {
  if (typeof dump !== 'object' || dump === null) return {};
  const { subvolumes, quorum } = dump as { subvolumes?: Dumped; quorum?: boolean };
  if (subvolumes !== undefined && quorum !== undefined) return subvolumes;
  for (const inner of Object.values(dump)) {
    const found = findReplicate(inner);
    if (Object.keys(found).length > 0) return found;
  }
  return {};
}

/** Waits until clients have noticed which bricks are up. */
export async function noticed(expected: readonly boolean[], ...views: (() => boolean[])[]): Promise<void> {
  await waitUntil(
    () => views.every((view) => view().every((up, index) => up === expected[index]) && view().length > 0),
    {
      what: `clients to see ${expected}`,
      timeoutMs: 30_000,
      everyMs: 10,
    },
  );
}

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
  return [...dumpOfMount(mount, volume).matchAll(/^child_up\[\d+\] = (\d)/gm)].map(([, up]) => up === '1');
}

/** How many copies it wants: `none`, `auto`, `fixed 2`. */
export function ruleForMount(mount: Mount, volume: TestVolume): string {
  const text = dumpOfMount(mount, volume);
  return [/^quorum-type = (\w+)/m, /^quorum-count = (\d+)/m]
    .flatMap((line) => text.match(line)?.[1] ?? [])
    .join(' ');
}

function dumpOfMount(mount: Mount, { name }: TestVolume): string {
  return readFileSync(mount.at(`.meta/graphs/active/${name}-replicate-0/private`), 'latin1');
}

/** What glfs thinks of them, or of the fragments of its first disperse set. */
export function upForVolume(volume: Volume): boolean[] {
  return Object.values(findSet(volume.statedump())?.subvolumes ?? {}).map(({ up }) => up);
}

export function ruleForVolume(volume: Volume): string | undefined {
  return findSet(volume.statedump())?.['quorum-rule'];
}

interface Dumped {
  readonly subvolumes: Record<string, { up: boolean }>;
  readonly 'quorum-rule'?: string;
}

/** The first set of copies or of fragments. */
function findSet(dump: unknown): Dumped | undefined {
  if (typeof dump !== 'object' || dump === null) return undefined;
  if ('subvolumes' in dump && ('quorum-rule' in dump || 'redundancy' in dump)) return dump as Dumped;
  for (const inner of Object.values(dump)) {
    const found = findSet(inner);
    if (found !== undefined) return found;
  }
  return undefined;
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

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Volume } from '../../../src/index.ts';
import { upForVolume } from '../replicate-story/both.ts';
import { waitUntil } from '../wait.ts';

const GFID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What the bricks know to need healing, by their indices on disk; files that no brick has any more are left out. */
export function needHealing(directories: readonly string[]): string[] {
  const listed = directories.flatMap((directory) =>
    ['xattrop', 'dirty', 'entry-changes'].flatMap((kind) => {
      const path = join(directory, '.glusterfs/indices', kind);
      return existsSync(path) ? readdirSync(path).filter((name) => GFID.test(name)) : [];
    }),
  );
  return [...new Set(listed)].filter((gfid) => directories.some((directory) => has(directory, gfid))).sort();
}

function has(directory: string, gfid: string): boolean {
  const place = join(directory, '.glusterfs', gfid.slice(0, 2), gfid.slice(2, 4));
  return existsSync(place) && readdirSync(place).includes(gfid);
}

/** What heals have put aside on bricks and not removed yet: a healer does that last. */
export function putAside(directories: readonly string[]): string[] {
  return directories.flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => name.startsWith('.glusterfs-anonymous-inode-'))
      .flatMap((name) => readdirSync(join(directory, name)).map((gfid) => join(directory, name, gfid))),
  );
}

/**
 * Heals all that the indices of bricks name, by a client of its own, as a self-heal daemon does; `full`: goes through all
 * files. @returns how many files
 */
export async function healAll(volume: Volume, directories: readonly string[], full = false): Promise<number> {
  const healed = new Set<string>();
  const problems = new Map<string, string>();
  try {
    await waitUntil(
      () => upForVolume(volume).length === directories.length && upForVolume(volume).every(Boolean),
      {
        what: 'all bricks to be up for the healer',
        everyMs: 2,
      },
    );
    await waitUntil(
      async () => {
        problems.clear();
        for await (const outcome of volume.healer().start({ full })) {
          if (outcome.status === 'healed') healed.add(outcome.gfid);
          else if (outcome.status !== 'purged')
            problems.set('gfid' in outcome ? outcome.gfid : outcome.brick, JSON.stringify(outcome));
        }
        return needHealing(directories).length === 0;
      },
      { what: 'all to be healed', everyMs: 20, timeoutMs: 30_000 },
    );
  } catch (error) {
    const left = needHealing(directories).map((gfid) => `${gfid}: ${problems.get(gfid)}`);
    throw new Error(`not all could be healed:\n${left.join('\n')}`, { cause: error });
  } finally {
    await volume.close();
  }
  return healed.size;
}

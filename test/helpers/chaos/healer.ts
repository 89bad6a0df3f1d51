import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildGraph, HEAL_PID, rootContext } from '../../../src/graph/index.ts';
import { silent } from '../../../src/logger.ts';
import { gfidFromString } from '../../../src/protocol/gfid.ts';
import { parseVolfile } from '../../../src/volfile/index.ts';
import { healFile } from '../../../src/xlators/cluster/replicate/heal/index.ts';
import { Replicate } from '../../../src/xlators/cluster/replicate/index.ts';
import { waitUntil } from '../wait.ts';
import '../../../src/xlators/index.ts';

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

/** Heals all that the indices of bricks name, by a client of its own, as a self-heal daemon does. @returns how many files */
export async function healAll(volfile: string, directories: readonly string[]): Promise<number> {
  const shared: { close(): Promise<void> }[] = [];
  const graph = buildGraph(parseVolfile(volfile), {
    logger: silent,
    volume: 'heal',
    share: (_key, create) => {
      const made = create();
      shared.push(made);
      return made;
    },
  });
  const healed = new Set<string>();
  const said = new Map<string, string>();
  try {
    await graph.start();
    const { state } = graph.translators.find((one): one is Replicate => one instanceof Replicate)!;
    await waitUntil(() => state.up === state.all, { what: 'all bricks to be up for the healer', everyMs: 2 });
    const context = { ...rootContext(), pid: HEAL_PID };
    await waitUntil(
      async () => {
        for (const gfid of needHealing(directories)) {
          const { status, error } = await healFile(state, gfidFromString(gfid), context);
          said.set(gfid, `${status} ${error === undefined ? '' : (error as Error).stack}`);
          if (status === 'healed') healed.add(gfid);
        }
        return needHealing(directories).length === 0;
      },
      { what: 'all to be healed', everyMs: 20, timeoutMs: 15_000 },
    );
  } catch (error) {
    const left = needHealing(directories).map((gfid) => `${gfid}: ${said.get(gfid)}`);
    throw new Error(`not all could be healed:\n${left.join('\n')}`, { cause: error });
  } finally {
    await graph.close();
    for (const each of shared) await each.close();
  }
  return healed.size;
}

import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { acts, moments } from '../helpers/replicate-story/acts.ts';
import { plainVolume } from '../helpers/replicate-story/both.ts';
import { type Marks, marksOnDisk, settledMarks, tabulate } from '../helpers/replicate-story/marks.ts';
import { MountTeller, VolumeTeller } from '../helpers/replicate-story/tellers.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/*
 * The same story is told by GlusterFS's mount in one directory and by glfs in another, on the bricks of a 4+2 volume:
 * afterwards their counters (trusted.ec.*) and indices are the same.
 */
const pool = attachPool();
const { 'cluster.self-heal-daemon': _, ...plain } = plainVolume;
let volume: TestVolume;
let mount: Mount;
let client: Volume;

beforeAll(async () => {
  volume = await pool.createVolume('disperse-story', {
    type: 'disperse 6 redundancy 2',
    bricks: 6,
    options: {
      ...plain,
      'cluster.disperse-self-heal-daemon': 'off',
      // Who looks at what is behind must not heal it.
      'disperse.background-heals': '0',
    },
  });
  mount = await mountVolume(pool, { volume: volume.name });
  client = await connect(volume.url, { entryTimeout: 0 });
});
afterAll(async () => {
  await client?.close();
  await mount?.unmount();
  await volume?.delete();
});

const PREFIX = 'trusted.ec.';

function counter(name: string, value: Uint8Array): string | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  return `${name.slice(PREFIX.length)} ${Buffer.from(value).toString('hex').replaceAll(/0{6,}/g, '~')}`;
}

function counters(directory: string): Marks {
  return tabulate(volume.bricks.map(({ path }) => marksOnDisk(path, directory, counter)));
}

/** How many bricks are up, as the disperse translator tells. */
function upIn(dump: unknown): number | undefined {
  if (typeof dump !== 'object' || dump === null) return undefined;
  if ('subvolumes' in dump && 'redundancy' in dump) {
    return Object.values(dump.subvolumes as Record<string, { up: boolean }>).filter(({ up }) => up).length;
  }
  for (const inner of Object.values(dump)) {
    const found = upIn(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Clients have noticed how many bricks are up. */
async function noticed(count: number): Promise<void> {
  const view = mount.at(`.meta/graphs/active/${volume.name}-disperse-0/private`);
  await waitUntil(
    () => {
      const seen = /^childs_up = (\d+)/m.exec(readFileSync(view, 'latin1'))?.[1];
      return Number(seen) === count && upIn(client.statedump()) === count;
    },
    { what: `both clients to see ${count} bricks`, timeoutMs: 30_000, everyMs: 20 },
  );
}

test.each([0, 5])('without brick %i', async (victim) => {
  const told = `told-${victim}`;
  for (const directory of [told, `${told}/mount`, `${told}/glfs`]) await mkdir(mount.at(directory));
  const tellers = [new MountTeller(mount.at(told, 'mount')), new VolumeTeller(client, `/${told}/glfs`)];
  for (const moment of moments) {
    if (moment === 'down') {
      await volume.killBrick(victim);
      await noticed(5);
    } else if (moment === 'after') {
      await volume.restartBrick(victim);
      await noticed(6);
    }
    for (const teller of tellers) await acts[moment](teller);
    const theirs = await settledMarks(() => counters(`${told}/mount`));
    const ours = await settledMarks(() => counters(`${told}/glfs`));
    expect({ [moment]: ours }).toEqual({ [moment]: theirs });
  }
});

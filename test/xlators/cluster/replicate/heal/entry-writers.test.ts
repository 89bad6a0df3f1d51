import { afterEach, expect, test } from 'vitest';
import type { Volume } from '../../../../../src/index.ts';
import { type Cluster, startCluster } from '../../../../../src/testing/index.ts';
import { brickMarks, brickTree, indexNames } from '../../../../helpers/brick-tree.ts';
import { ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { noticed, upForVolume } from '../../../../helpers/replicate-story/both.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

let cluster: Cluster;
afterEach(() => cluster?.stop());

const FILES = 6;
const NAMES = 3 * FILES;

/** Moves files between two directories, each to the next of its names, until told to stop. Answers how often. */
async function rename(volume: Volume, at: number[], until: () => boolean): Promise<number> {
  let moves = 0;
  for (let step = 0; !until(); step++) {
    const file = step % FILES;
    const next = (at[file]! + FILES) % NAMES;
    await volume.rename(place(at[file]!), place(next));
    at[file] = next;
    moves++;
  }
  return moves;
}

function place(name: number): string {
  return `/${name % 2 === 0 ? 'even' : 'odd'}/name-${name}`;
}

test('clients go on renaming while a healer brings a copy up to date', async () => {
  cluster = await startCluster({ volumes: { r: { type: 'replicate 3' } } });
  const bricks = cluster.bricks('r');
  const all = bricks.map(() => true);
  await using volume = await cluster.connect('r', { entryTimeout: 0 });
  await using healer = await ReplicaCopies.over(cluster);
  for (const name of ['even', 'odd']) await volume.mkdir(`/${name}`);
  const at = Array.from({ length: FILES }, (_, index) => index);
  for (const name of at) await volume.writeFile(place(name), `file ${name}`);

  await bricks[2]!.kill();
  await noticed(all.with(2, false), () => upForVolume(volume));
  let left = 2 * FILES;
  await rename(volume, at, () => left-- === 0);
  await bricks[2]!.restart();
  await noticed(all, () => upForVolume(volume));
  await waitUntil(() => healer.state.up === healer.state.all, { what: 'the healer to see it' });
  let healed = false;
  const healing = healer.healAll().finally(() => {
    healed = true;
  });
  expect(await rename(volume, at, () => healed)).toBeGreaterThan(0);
  await healing;
  await healer.healAll();
  const [tree, ...others] = bricks.map(({ directory }) => brickTree(directory));
  for (const other of others) expect(other).toEqual(tree);
  expect(
    Object.keys(tree!)
      .filter((path) => path.includes('/'))
      .sort(),
  ).toEqual(at.map((name) => place(name).slice(1)).sort());
  for (const [file, name] of at.entries())
    expect(String(await volume.readFile(place(name)))).toBe(`file ${file}`);
  for (const { directory } of bricks) {
    expect(brickMarks(directory)).toEqual([]);
    expect(indexNames(directory)).toEqual([]);
  }
});

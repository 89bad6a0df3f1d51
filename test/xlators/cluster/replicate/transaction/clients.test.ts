import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../../../../src/testing/index.ts';
import { blamesOf } from '../../../../helpers/blames.ts';
import { differencesOfBricks } from '../../../../helpers/bricks-identical.ts';

let cluster: Cluster;
afterEach(() => cluster?.stop());

/** Locks that nobody waits for are kept for longer than any test runs. */
const patient = { type: 'replicate 3', options: { 'cluster.post-op-delay-secs': '60' } };

test('clients that write to one file get the lock from each other, however long it would be kept', async () => {
  cluster = await startCluster({ volumes: { r: patient } });
  const [one, other] = await Promise.all([cluster.connect('r'), cluster.connect('r')]);
  await one.writeFile('file', Buffer.alloc(100));
  const files = await Promise.all([one.open('file', 'r+'), other.open('file', 'r+')]);
  for (let round = 0; round < 5; round++) {
    for (const [index, file] of files.entries()) await file.pwrite(Buffer.alloc(10, 'ab'[index]), round * 10);
  }
  expect(readFileSync(join(cluster.bricks('r')[0]!.directory, 'file'), 'latin1').slice(0, 50)).toBe(
    'b'.repeat(50),
  );
  await one.close();
  await other.close();
  const bricks = cluster.bricks('r');
  expect(blamesOf(bricks, '')).toEqual({});
  expect(
    differencesOfBricks(
      bricks.map(({ directory }) => directory),
      { mtimes: false },
    ),
  ).toEqual([]);
});

test('overlapping writes of several clients land in the same order on all copies', async () => {
  cluster = await startCluster({ volumes: { r: patient } });
  const volumes = await Promise.all([1, 2, 3].map(() => cluster.connect('r')));
  await volumes[0]!.writeFile('file', Buffer.alloc(3000));
  await Promise.all(
    volumes.map(async (volume, client) => {
      const file = await volume.open('file', 'r+');
      for (let round = 0; round < 10; round++) {
        const letters = [0, 1, 2].map((part) => 'abcdefghi'[client * 3 + part]!);
        await Promise.all(letters.map((letter, part) => file.pwrite(Buffer.alloc(2000, letter), part * 500)));
      }
      await file.close();
    }),
  );
  for (const volume of volumes) await volume.close();
  const bricks = cluster.bricks('r');
  expect(
    differencesOfBricks(
      bricks.map(({ directory }) => directory),
      { mtimes: false },
    ),
  ).toEqual([]);
});

test('a client that ends without a word leaves no lock: the next one writes', async () => {
  cluster = await startCluster({ volumes: { r: patient } });
  const [one, other] = await Promise.all([cluster.connect('r'), cluster.connect('r')]);
  await one.writeFile('file', 'a');
  const file = await one.open('file', 'r+');
  await file.pwrite(Buffer.from('b'), 0);
  // All connections break while the lock is held; what the first client then does it does on new ones.
  for (const brick of cluster.bricks('r')) await brick.disconnectClients();
  await expect
    .poll(
      () =>
        other.writeFile('file', 'c').then(
          () => 'written',
          (error: unknown) => String(error),
        ),
      { timeout: 10_000 },
    )
    .toBe('written');
  expect(await one.readFile('file', 'utf8')).toBe('c');
  await one.close();
  await other.close();
});

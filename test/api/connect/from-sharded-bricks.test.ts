import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromBricks } from '../../../src/api/index.ts';
import { startCluster } from '../../../src/testing/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'glfs-sharded-bricks-'));
const BLOCK = 4 * 2 ** 20;
const data = randomBytes(3 * BLOCK + 77);
let bricks: string[];

beforeAll(async () => {
  const options = { 'features.shard': 'on', 'features.shard-block-size': '4MB' };
  await using cluster = await startCluster({
    volumes: { demo: { type: 'distribute 3', options } },
    directory,
  });
  await using volume = await cluster.connect('demo');
  await volume.writeFile('/sharded', data);
  bricks = cluster.bricks('demo').map((brick) => brick.directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('a sharded file is whole offline, and its blocks are out of sight', async () => {
  await using volume = await fromBricks(bricks);
  expect(Buffer.compare(await volume.readFile('/sharded'), data)).toBe(0);
  expect(await volume.readdir('/')).toEqual(['sharded']);
});

test('where bricks are missing it is refused: a missing block would be taken for a hole', async () => {
  const refused: string[] = [];
  for (const brick of bricks) {
    await using volume = await fromBricks([brick], { partial: true });
    await volume.readFile('/sharded').catch((error: { code: string }) => refused.push(error.code));
  }
  // On two of the three the name itself is not there.
  expect(refused.sort()).toEqual(['ENOENT', 'ENOENT', 'EOPNOTSUPP']);
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { type Cluster, startCluster, type TestBrick } from '../../src/testing/index.ts';
import { noticed, upForVolume } from '../helpers/replicate-story/both.ts';
import { MemoryWorld } from './world.ts';

/* What is said while too few copies are there: which bricks are missing, and why. */
let cluster: Cluster;
let volume: Volume;
let bricks: readonly TestBrick[];
const world = new MemoryWorld();

beforeEach(async () => {
  cluster = await startCluster({ volumes: { v: { type: 'replicate 3' } } });
  bricks = cluster.bricks('v');
  volume = await cluster.connect('v', { entryTimeout: 0 });
});
afterEach(async () => {
  await volume.close();
  await cluster.stop();
});

async function onlyTheLast(): Promise<void> {
  for (const index of [0, 1]) await bricks[index]!.kill();
  await noticed([false, false, true], () => upForVolume(volume));
}

const glfs = (...words: string[]) => world.glfs(words, { connect });
const down = (index: number): string =>
  `v-client-${index} (brick ${cluster.host}:${bricks[index]!.directory} is down: `;
const few = 'only 1 of 3 copies are there: ';

test('who had connected before is told of the bricks', async () => {
  await onlyTheLast();
  const error: Error = await volume.writeFile('/file', 'x').catch((reason) => reason);
  for (const part of [few, down(0), down(1)]) expect(error.message).toContain(part);
});

test('who connects now is told of them, too', async () => {
  await onlyTheLast();
  const { stderr, code } = await glfs('ls', cluster.url('v'));
  for (const part of ['Transport endpoint is not connected', few, down(0), down(1)])
    expect(stderr).toContain(part);
  expect(stderr.match(/is down/g)).toHaveLength(2);
  expect(code).toBe(2);
});

test('where no copy is left, so it is said', async () => {
  await onlyTheLast();
  await bricks[2]!.kill();
  const error: Error = await connect(cluster.url('v')).catch((reason) => reason);
  for (const part of ['none of 3 copies', down(0), down(1), down(2)]) expect(error.message).toContain(part);
});

test('put says what it could not put', async () => {
  await onlyTheLast();
  const url = `${cluster.url('v')}/file`;
  expect((await glfs('put', import.meta.filename, url)).stderr).toMatch(`glfs: target '${url}': `);
});

test('info tells which bricks are up', async () => {
  await onlyTheLast();
  const { stdout, stderr, code } = await glfs('info', cluster.url('v'));
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  expect(stdout).toContain('1 of 3 up');
  expect(stdout.match(/ DOWN$/gm)).toHaveLength(2);
});

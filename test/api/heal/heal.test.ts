import { linkSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { HealInfoOptions, HealOutcome, Volume } from '../../../src/index.ts';
import { gfidToString, newGfid } from '../../../src/protocol/gfid.ts';
import { type Cluster, startCluster, type TestBrick } from '../../../src/testing/index.ts';
import { differencesOfBricks, indexedOn } from '../../helpers/bricks-identical.ts';
import { noticed, upForVolume } from '../../helpers/replicate-story/both.ts';

let cluster: Cluster;
let volume: Volume;
let bricks: readonly TestBrick[];
afterEach(async () => {
  await volume?.close();
  await cluster?.stop();
});

async function start(type: string, options: Record<string, string> = {}): Promise<void> {
  cluster = await startCluster({ volumes: { v: { type, options } } });
  volume = await cluster.connect('v', { entryTimeout: 0 });
  bricks = cluster.bricks('v');
}

const directories = (): string[] => bricks.map(({ directory }) => directory);
const addressOf = (index: number): string => `${cluster.host}:${bricks[index]!.directory}`;
const all = (): boolean[] => bricks.map(() => true);

async function without(index: number, work: () => Promise<unknown>): Promise<void> {
  await bricks[index]!.kill();
  await noticed(all().with(index, false), () => upForVolume(volume));
  await work();
}

async function back(index: number): Promise<void> {
  await bricks[index]!.restart();
  await noticed(all(), () => upForVolume(volume));
}

async function listed(index: number, options?: HealInfoOptions): Promise<string[]> {
  const lines: string[] = [];
  for await (const { path, gfid, state } of volume.healer().info(addressOf(index), options))
    lines.push(`${path ?? gfid} ${state}`);
  return lines.sort();
}

async function healed(options: { full?: boolean } = {}): Promise<HealOutcome[]> {
  const outcomes: HealOutcome[] = [];
  for await (const outcome of volume.healer().start(options)) outcomes.push(outcome);
  return outcomes;
}

/** Files that have been healed, each once. */
function pathsOf(outcomes: readonly HealOutcome[]): (string | undefined)[] {
  return [...new Set(outcomes.map((outcome) => ('path' in outcome ? outcome.path : undefined)))].sort();
}

const deep = ['/d', '/d/e', '/d/e/f'];

/** Makes a tree that one brick knows nothing of. */
async function grow(index: number): Promise<void> {
  await volume.mkdir('/d');
  await volume.writeFile('/old', 'before');
  await without(index, async () => {
    for (const path of deep.slice(1)) await volume.mkdir(path);
    for (const path of deep) await volume.writeFile(`${path}/file`, `in ${path}`);
    await volume.writeFile('/old', 'after that');
    await volume.chmod('/d/file', 0o600);
  });
}

test('every brick tells what it knows, of what is new too', async () => {
  await start('replicate 3');
  await grow(1);
  const files = ['/d', '/d/e', '/d/e/f', '/d/e/f/file', '/d/e/file', '/d/file', '/old'];
  expect(volume.healer().bricks()).toEqual(
    [0, 1, 2].map((index) => ({
      brick: addressOf(index),
      set: 'v-replicate-0',
      type: 'replicate',
      up: index !== 1,
    })),
  );
  await expect(listed(1)).rejects.toMatchObject({ code: 'ENOTCONN', brick: addressOf(1) });
  for (const index of [0, 2]) expect(await listed(index)).toEqual(files.map((path) => `${path} pending`));
  await back(1);
  expect(await listed(1)).toEqual([]);
  expect(await listed(0)).toEqual(files.map((path) => `${path} pending`));
});

test('one run heals a tree from top to bottom', async () => {
  await start('replicate 3');
  await grow(1);
  await back(1);
  const outcomes = await healed();
  const elsewhere = outcomes.filter(
    (outcome) => outcome.status !== 'healed' || outcome.bricks[0] !== addressOf(1),
  );
  expect(elsewhere).toEqual([]);
  expect(pathsOf(outcomes)).toEqual(
    ['/d', '/d/e', '/d/e/f', '/d/e/f/file', '/d/e/file', '/d/file', '/old'].sort(),
  );
  expect(differencesOfBricks(directories())).toEqual([]);
  expect(directories().flatMap((directory) => indexedOn(directory))).toEqual([]);
  expect(await healed()).toEqual([]);
});

test('sets of a distributed volume are healed each', async () => {
  await start('replicate 2 x 2');
  await volume.mkdir('/d');
  const names = Array.from({ length: 12 }, (_, index) => `/d/file-${index}`);
  for (const index of [0, 2]) await bricks[index]!.kill();
  for (const name of names) await volume.writeFile(name, name);
  for (const index of [0, 2]) await bricks[index]!.restart();
  const healer = volume.healer();
  await expect.poll(() => healer.bricks().every(({ up }) => up)).toBe(true);
  expect(pathsOf(await healed())).toEqual(['/d', ...names].sort());
  for (const set of [directories().slice(0, 2), directories().slice(2)])
    expect(differencesOfBricks(set)).toEqual([]);
});

test('what can not be healed is told in the end, and why', async () => {
  await start('replicate 3');
  await grow(1);
  const outcomes = await healed();
  expect(outcomes.filter(({ status }) => status === 'unreachable')).toMatchObject([
    { brick: addressOf(1), error: { code: 'ENOTCONN' } },
  ]);
  const left = outcomes.filter(({ status }) => status === 'failed');
  expect(pathsOf(left)).toEqual(
    ['/d', '/d/e', '/d/e/f', '/d/e/f/file', '/d/e/file', '/d/file', '/old'].sort(),
  );
  expect(outcomes.length).toBe(left.length + 1);
});

test('entries of the index that stand for nothing go', async () => {
  await start('replicate 2');
  await volume.writeFile('/well', 'x');
  const { gfid } = await volume.stat('/well', { bigint: true }).then(() => volume.handle('/well'));
  const gone = gfidToString(newGfid());
  await without(1, () => volume.writeFile('/ill', 'y'));
  const index = join(directories()[0]!, '.glusterfs/indices/xattrop');
  const base = readdirSync(index).find((name) => name.startsWith('xattrop-'))!;
  for (const name of [gfid, gone]) linkSync(join(index, base), join(index, name));
  await back(1);
  expect(await listed(0)).toEqual(['/ pending', '/ill pending']);
  const outcomes = await healed();
  expect(outcomes.filter(({ status }) => status !== 'healed')).toEqual([
    { status: 'purged', gfid: gone, brick: addressOf(0) },
  ]);
  expect(pathsOf(outcomes.filter(({ status }) => status === 'healed'))).toEqual(['/', '/ill']);
  expect(indexedOn(directories()[0]!)).toEqual([]);
});

test('a full heal finds what no index tells of', async () => {
  await start('replicate 3');
  await volume.mkdir('/d');
  await volume.mkdir('/d/e');
  for (const name of ['/lost', '/d/lost', '/d/e/lost', '/kept']) await volume.writeFile(name, `of ${name}`);
  const gfids = await Promise.all(
    ['/lost', '/d/lost', '/d/e/lost'].map(async (name) => (await volume.handle(name)).gfid),
  );
  const brick = directories()[2]!;
  await without(2, async () => {
    for (const name of ['lost', 'd/lost', 'd/e/lost']) rmSync(join(brick, name));
    for (const gfid of gfids) rmSync(join(brick, '.glusterfs', gfid.slice(0, 2), gfid.slice(2, 4), gfid));
  });
  await back(2);
  expect(await healed()).toEqual([]);
  expect(differencesOfBricks(directories())).not.toEqual([]);
  const outcomes = await healed({ full: true });
  expect(outcomes.filter(({ status }) => status !== 'healed')).toEqual([]);
  expect(differencesOfBricks(directories(), { mtimes: false })).toEqual([]);
  expect(await volume.readFile('/d/e/lost', 'utf8')).toBe('of /d/e/lost');
});

test('whoever has had enough stops it', async () => {
  await start('replicate 3');
  await grow(1);
  await back(1);
  const controller = new AbortController();
  const run = volume.healer().start({ signal: controller.signal, concurrency: 1 });
  expect((await run.next()).done).toBe(false);
  controller.abort();
  await expect(run.next()).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(listed(0, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ECANCELED' });
  // Nothing is left half-done: the next run heals the rest.
  const rest = await healed();
  expect(rest.filter(({ status }) => status !== 'healed')).toEqual([]);
  expect(differencesOfBricks(directories())).toEqual([]);
});

test('leaving the loop ends a heal as well', async () => {
  await start('replicate 3');
  await grow(1);
  await back(1);
  for await (const _ of volume.healer().start({ concurrency: 2 })) break;
  await volume.close();
});

test('what makes no sense is refused', async () => {
  await start('replicate 2');
  const healer = volume.healer();
  await expect(healer.info('nowhere:/brick').next()).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(healer.info(addressOf(0), { concurrency: 0 }).next()).rejects.toMatchObject({
    code: 'EINVAL',
  });
  await expect(healer.resolve('/x', { source: 'nowhere:/brick' })).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(healer.resolve('x', 'latest-mtime')).rejects.toMatchObject({ code: 'EINVAL', path: 'x' });
  await expect(healer.resolve('/x', 'latest-mtime')).rejects.toMatchObject({ code: 'ENOENT' });
  await volume.writeFile('/x', '');
  await expect(healer.resolve('/x', 'latest-mtime')).rejects.toMatchObject({
    code: 'EINVAL',
    reason: 'File not in split-brain',
  });
});

test('volumes without copies have nothing to heal', async () => {
  await start('distribute 2');
  const refusal = { code: 'EOPNOTSUPP', reason: expect.stringContaining('only volumes with replicas') };
  expect(() => volume.healer().bricks()).toThrow(expect.objectContaining(refusal));
  await expect(volume.healer().start().next()).rejects.toMatchObject(refusal);
});

test('what another heal of the same pass has moved is healed by one more, in the same run', async () => {
  await start('replicate 3');
  await volume.mkdir('/from');
  await volume.mkdir('/to');
  await volume.mkdir('/from/moved');
  await without(2, () => volume.rename('/from/moved', '/to/moved'));
  await back(2);
  // Both names are one step: whoever comes second finds the directory gone.
  await bricks[2]!.fault({ fop: 'rename', action: 'fail', errno: 'ENOENT', times: 2 });
  const outcomes = await healed();
  expect(outcomes.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(differencesOfBricks(directories())).toEqual([]);
});

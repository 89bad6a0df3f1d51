import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Volume } from '../../../../../src/index.ts';
import type { FopName } from '../../../../../src/protocol/fops.ts';
import {
  type Cluster,
  type FaultRule,
  startCluster,
  type TestBrick,
} from '../../../../../src/testing/index.ts';
import { blamesOf, expectBlames, heldBy } from '../../../../helpers/blames.ts';
import { differencesOfBricks } from '../../../../helpers/bricks-identical.ts';
import { noticed, upForVolume } from '../../../../helpers/replicate-story/both.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

interface Act {
  readonly fop: FopName;
  readonly before?: (volume: Volume, at: string) => Promise<unknown>;
  readonly act: (volume: Volume, at: string) => Promise<unknown>;
  /** Names of the directory before and after. */
  readonly names: { readonly before: string; readonly after: string };
  /** What the good copies hold against one that lacks it, by path. */
  readonly marks: Readonly<Record<string, string>>;
}

interface Scene extends Act {
  readonly title: string;
  readonly directory: string;
}

async function file(volume: Volume, at: string): Promise<void> {
  await volume.writeFile(`${at}/old`, 'content');
}

/** Each change of a name: in a directory, and how copies are accused that miss it. */
const acts: Readonly<Record<string, Act>> = {
  create: {
    fop: 'create',
    act: async (volume, at) => (await volume.open(`${at}/new`, 'wx')).close(),
    names: { before: '', after: 'new' },
    marks: { '/': '0 0 1', new: '1 1 0' },
  },
  mkdir: {
    fop: 'mkdir',
    act: (volume, at) => volume.mkdir(`${at}/new`),
    names: { before: '', after: 'new' },
    // The data counter of a new directory: all of it is missing, not only the names that the index notes.
    marks: { '/': '0 0 1', 'new/': '1 1 1' },
  },
  'mknod of a fifo': {
    fop: 'mknod',
    act: (volume, at) => volume.mknod(`${at}/new`, { type: 'fifo' }),
    names: { before: '', after: 'new' },
    marks: { '/': '0 0 1', new: '0 1 0' },
  },
  symlink: {
    fop: 'symlink',
    act: (volume, at) => volume.symlink('anywhere', `${at}/new`),
    names: { before: '', after: 'new' },
    marks: { '/': '0 0 1' },
  },
  link: {
    fop: 'link',
    before: file,
    act: (volume, at) => volume.link(`${at}/old`, `${at}/new`),
    names: { before: 'old', after: 'new old' },
    marks: { '/': '0 0 1' },
  },
  unlink: {
    fop: 'unlink',
    before: file,
    act: (volume, at) => volume.unlink(`${at}/old`),
    names: { before: 'old', after: '' },
    marks: { '/': '0 0 1' },
  },
  rmdir: {
    fop: 'rmdir',
    before: (volume, at) => volume.mkdir(`${at}/old`),
    act: (volume, at) => volume.rmdir(`${at}/old`),
    names: { before: 'old', after: '' },
    marks: { '/': '0 0 1' },
  },
  'rename in one directory': {
    fop: 'rename',
    before: file,
    act: (volume, at) => volume.rename(`${at}/old`, `${at}/new`),
    names: { before: 'old', after: 'new' },
    marks: { '/': '0 0 2' },
  },
  'rename over a file': {
    fop: 'rename',
    before: async (volume, at) => {
      for (const name of ['old', 'new']) await volume.writeFile(`${at}/${name}`, name);
    },
    act: (volume, at) => volume.rename(`${at}/old`, `${at}/new`),
    names: { before: 'new old', after: 'new' },
    marks: { '/': '0 0 2' },
  },
  'rename over a directory': {
    fop: 'rename',
    before: async (volume, at) => {
      for (const name of ['old', 'new']) await volume.mkdir(`${at}/${name}`);
      await volume.writeFile(`${at}/old/inner`, 'content');
    },
    act: (volume, at) => volume.rename(`${at}/old`, `${at}/new`),
    names: { before: 'new old', after: 'new' },
    marks: { '/': '0 0 2' },
  },
  'rename into another directory': {
    fop: 'rename',
    before: async (volume, at) => {
      await volume.mkdir(`${at}/sub`);
      await volume.writeFile(`${at}/old`, 'content');
    },
    act: (volume, at) => volume.rename(`${at}/old`, `${at}/sub/new`),
    names: { before: 'old sub', after: 'sub' },
    marks: { '/': '0 0 1', 'sub/': '0 0 1' },
  },
};

const scenes: readonly Scene[] = Object.entries(acts).map(([title, act]) => ({
  ...act,
  title,
  directory: title.replaceAll(' ', '-'),
}));

/** In one cluster all scenes, each in a directory of its own. */
async function begin(): Promise<Stage> {
  const cluster = await startCluster({
    volumes: { r: { type: 'replicate 3', options: { 'cluster.post-op-delay-secs': '0' } } },
  });
  const volume = await cluster.connect('r', { entryTimeout: 0 });
  for (const { before, directory } of scenes) {
    await volume.mkdir(`/${directory}`);
    await before?.(volume, `/${directory}`);
  }
  return { cluster, volume, bricks: cluster.bricks('r') };
}

interface Stage {
  readonly cluster: Cluster;
  readonly volume: Volume;
  readonly bricks: readonly TestBrick[];
}

/** Runs all scenes in a cluster of their own, where one brick behaves as `fault` has it. */
function eachScene(
  title: string,
  play: (stage: Stage, scene: Scene) => Promise<void>,
  end?: (stage: Stage) => Promise<void>,
) {
  describe(title, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await begin();
    });
    afterAll(async () => {
      await stage.volume.close();
      await stage.cluster.stop();
    });
    test.each(scenes)('$title', (scene) => play(stage, scene));
    if (end !== undefined) test('at the end', () => end(stage));
  });
}

async function namesOf(volume: Volume, { directory }: Scene): Promise<string> {
  return (await volume.readdir(`/${directory}`)).sort().join(' ');
}

/** On disk, whatever a client sees. */
async function sameEverywhere({ volume, bricks }: Stage): Promise<void> {
  await waitUntil(() => Object.keys(blamesOf(bricks, '.')).length === 0, { what: 'no marks' });
  await volume.close();
  // Times as on disk: clients see others, which are stamped.
  const directories = bricks.map(({ directory }) => directory);
  expect(differencesOfBricks(directories, { mtimes: false })).toEqual([]);
}

eachScene(
  'all copies take part: no marks',
  async ({ volume }, scene) => {
    expect(await namesOf(volume, scene)).toBe(scene.names.before);
    await scene.act(volume, `/${scene.directory}`);
    expect(await namesOf(volume, scene)).toBe(scene.names.after);
  },
  sameEverywhere,
);

/** What brick 1 does. */
const faults: Readonly<Record<string, Omit<FaultRule, 'fop'>>> = {
  'one refuses': { action: 'fail', errno: 'EIO' },
  'one has no space': { action: 'fail', errno: 'ENOSPC' },
  'one does it and says that it failed': { action: 'fail-after', errno: 'EIO' },
  'one does it and is cut off': { action: 'drop' },
};

for (const [title, fault] of Object.entries(faults)) {
  eachScene(`${title}: it is done, and the others say who lacks it`, async (stage, scene) => {
    const { volume, bricks } = stage;
    await noticed([true, true, true], () => upForVolume(volume));
    await bricks[1]!.fault({ ...fault, fop: scene.fop });
    await doneWithoutOne(stage, scene);
  });
}

describe('one is not there: it is done, and the others say who lacks it', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await begin();
    await stage.bricks[1]!.kill();
    await noticed([true, false, true], () => upForVolume(stage.volume));
  });
  afterAll(async () => {
    await stage.volume.close();
    await stage.cluster.stop();
  });
  test.each(scenes)('$title', (scene) => doneWithoutOne(stage, scene));
});

async function doneWithoutOne({ cluster, volume, bricks }: Stage, scene: Scene): Promise<void> {
  await scene.act(volume, `/${scene.directory}`);
  await expectBlames(bricks, scene.directory, heldBy([0, 2], scene.marks, 'client-1'));
  expect(await namesOf(volume, scene)).toBe(scene.names.after);
  // Another client, who knows nothing of it, sees the same whichever copies it asks.
  await using other = await cluster.connect('r');
  expect(await namesOf(other, scene)).toBe(scene.names.after);
}

eachScene('two refuse: it fails, and the directory is marked where it was done', async (stage, scene) => {
  const { volume, bricks } = stage;
  for (const brick of bricks.slice(1)) await brick.fault({ fop: scene.fop, action: 'fail', errno: 'EDQUOT' });
  const act = scene.act(volume, `/${scene.directory}`);
  await expect(act).rejects.toMatchObject({ code: 'EDQUOT', outcome: 'unknown' });
  const parents = Object.entries(scene.marks).filter(([path]) => path === '/' || path === 'sub/');
  await expectBlames(bricks, scene.directory, heldBy([0], Object.fromEntries(parents), 'dirty'));
});

eachScene(
  'all refuse for one reason: it fails, nothing is done and nothing is marked',
  async ({ volume, bricks }, scene) => {
    for (const brick of bricks) await brick.fault({ fop: scene.fop, action: 'fail', errno: 'EDQUOT' });
    const act = scene.act(volume, `/${scene.directory}`);
    await expect(act).rejects.toMatchObject({ code: 'EDQUOT', outcome: 'failed' });
    expect(await namesOf(volume, scene)).toBe(scene.names.before);
  },
  sameEverywhere,
);

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Volume } from '../../src/index.ts';
import type { FopName } from '../../src/protocol/fops.ts';
import { type Cluster, type FaultRule, startCluster, type TestBrick } from '../../src/testing/index.ts';
import { blamesOf, expectBlames, heldBy } from './blames.ts';
import { differencesOfBricks } from './bricks-identical.ts';
import { noticed, upForVolume } from './replicate-story/both.ts';
import { waitUntil } from './wait.ts';

/** One change, in a directory of its own, and what comes of it. */
export interface Act {
  readonly fop: FopName;
  readonly before?: (volume: Volume, at: string) => Promise<unknown>;
  readonly act: (volume: Volume, at: string) => Promise<unknown>;
  /** What clients see of it, and how that changes. */
  readonly look: (volume: Volume, at: string) => Promise<unknown>;
  readonly seen: { readonly before: unknown; readonly after: unknown };
  /** Counters that the good copies hold against one that lacks it, by path. */
  readonly marks: Readonly<Record<string, string>>;
  /** What is in doubt where one copy alone has it, by path. */
  readonly doubts: Readonly<Record<string, string>>;
}

export type Acts = Readonly<Record<string, Act>>;

interface Scene extends Act {
  readonly title: string;
  /** Absolute. */
  readonly at: string;
}

interface Stage {
  readonly cluster: Cluster;
  readonly volume: Volume;
  readonly bricks: readonly TestBrick[];
}

async function stageFor(scenes: readonly Scene[]): Promise<Stage> {
  const cluster = await startCluster({
    volumes: { r: { type: 'replicate 3', options: { 'cluster.post-op-delay-secs': '0' } } },
  });
  const volume = await cluster.connect('r', { entryTimeout: 0 });
  for (const { before, at } of scenes) {
    await volume.mkdir(at);
    await before?.(volume, at);
  }
  return { cluster, volume, bricks: cluster.bricks('r') };
}

interface Play {
  /** Once, when all is prepared. */
  readonly begin?: (stage: Stage) => Promise<unknown>;
  readonly each: (stage: Stage, scene: Scene) => Promise<void>;
  readonly end?: (stage: Stage) => Promise<void>;
}

/** What brick 1 does. */
const faults: Readonly<Record<string, Omit<FaultRule, 'fop'>>> = {
  'one refuses': { action: 'fail', errno: 'EIO' },
  'one has no space': { action: 'fail', errno: 'ENOSPC' },
  'one does it and says that it failed': { action: 'fail-after', errno: 'EIO' },
  'one does it and is cut off': { action: 'drop' },
};

const plays: Readonly<Record<string, Play>> = {
  'all copies take part: no marks': {
    each: async ({ volume }, { act, look, seen, at }) => {
      expect(await look(volume, at)).toEqual(seen.before);
      await act(volume, at);
      expect(await look(volume, at)).toEqual(seen.after);
    },
    end: sameEverywhere,
  },
  ...Object.fromEntries(
    Object.entries(faults).map(([title, fault]): [string, Play] => [
      `${title}: it is done, and the others say who lacks it`,
      {
        each: async (stage, scene) => {
          await noticed([true, true, true], () => upForVolume(stage.volume));
          await stage.bricks[1]!.fault({ ...fault, fop: scene.fop });
          await doneWithoutOne(stage, scene);
        },
      },
    ]),
  ),
  'one is not there: it is done, and the others say who lacks it': {
    begin: async ({ volume, bricks }) => {
      await bricks[1]!.kill();
      await noticed([true, false, true], () => upForVolume(volume));
    },
    each: doneWithoutOne,
  },
  'two refuse: it fails, and is in doubt where it was done': {
    each: async ({ volume, bricks }, { fop, act, at, doubts }) => {
      for (const brick of bricks.slice(1)) await brick.fault({ fop, action: 'fail', errno: 'EDQUOT' });
      await expect(act(volume, at)).rejects.toMatchObject({ code: 'EDQUOT', outcome: 'unknown' });
      await expectBlames(bricks, at, heldBy([0], doubts, 'dirty'));
    },
  },
  'two are not there: it fails, and nothing is done': {
    begin: async ({ volume, bricks }) => {
      for (const brick of bricks.slice(1)) await brick.kill();
      await noticed([true, false, false], () => upForVolume(volume));
    },
    each: async ({ volume, bricks }, { act, at }) => {
      const before = await bricks[0]!.counts();
      await expect(act(volume, at)).rejects.toMatchObject({ code: 'ENOTCONN', outcome: 'failed' });
      expect(await bricks[0]!.counts()).toEqual(before);
    },
  },
  'all refuse for one reason: it fails, nothing is done and nothing is marked': {
    each: async ({ volume, bricks }, { fop, act, look, seen, at }) => {
      for (const brick of bricks) await brick.fault({ fop, action: 'fail', errno: 'EDQUOT' });
      await expect(act(volume, at)).rejects.toMatchObject({ code: 'EDQUOT', outcome: 'failed' });
      expect(await look(volume, at)).toEqual(seen.before);
    },
    end: sameEverywhere,
  },
};

async function doneWithoutOne({ cluster, volume, bricks }: Stage, scene: Scene): Promise<void> {
  const { act, look, seen, at, marks } = scene;
  await act(volume, at);
  await expectBlames(bricks, at, heldBy([0, 2], marks, 'client-1'));
  expect(await look(volume, at)).toEqual(seen.after);
  // Another client, who knows nothing of it, sees the same whichever copies it asks.
  await using other = await cluster.connect('r');
  expect(await look(other, at)).toEqual(seen.after);
}

/** On disk, whatever a client sees. */
async function sameEverywhere({ volume, bricks }: Stage): Promise<void> {
  await waitUntil(() => Object.keys(blamesOf(bricks, '.')).length === 0, { what: 'no marks' });
  await volume.close();
  // Times as on disk: clients see others, which are stamped.
  const directories = bricks.map(({ directory }) => directory);
  expect(differencesOfBricks(directories, { mtimes: false })).toEqual([]);
}

/** Plays each change with all copies, and with one, two and all of them failing in every manner: a cluster for each manner. */
export function playAll(acts: Acts): void {
  const scenes = Object.entries(acts).map(([title, act]): Scene => {
    return { ...act, title, at: `/${title.replaceAll(' ', '-')}` };
  });
  describe.each(Object.entries(plays))('%s', (_, { begin, each, end }) => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await stageFor(scenes);
      await begin?.(stage);
    });
    afterAll(async () => {
      await stage.volume.close();
      await stage.cluster.stop();
    });
    test.each(scenes)('$title', (scene) => each(stage, scene));
    if (end !== undefined) test('at the end', () => end(stage));
  });
}

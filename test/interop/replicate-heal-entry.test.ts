import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { anonymousNames, brickMarks, brickTree, indexNames } from '../helpers/brick-tree.ts';
import { entryStories } from '../helpers/entry-stories.ts';
import { isEmpty, listedByGluster } from '../helpers/heal-info.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { noticed, plainVolume, upForMount, upForVolume } from '../helpers/replicate-story/both.ts';
import { MountTeller, type Teller, VolumeTeller } from '../helpers/replicate-story/tellers.ts';
import type { TestVolume } from '../helpers/volume.ts';

/*
 * Stories of names are told by GlusterFS's mount and by glfs while a brick of theirs is down; glfs heals what both have left on
 * real bricks, with the self-heal daemon off: all bricks are the same then, and GlusterFS finds nothing to heal.
 */
const pool = attachPool();

const volumes: readonly {
  readonly name: string;
  readonly victim: number;
  readonly type: string;
  readonly options: Readonly<Record<string, string>>;
}[] = [
  { name: 'heal-entry', victim: 2, type: 'replica 3', options: { 'cluster.granular-entry-heal': 'on' } },
  {
    name: 'heal-entry-plain',
    victim: 0,
    type: 'replica 3',
    options: { 'cluster.granular-entry-heal': 'off', 'cluster.use-anonymous-inode': 'off' },
  },
  { name: 'heal-entry-arbiter', victim: 1, type: 'replica 2 arbiter 1', options: {} },
];

function mapValues(record: Record<string, string>, map: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/**
 * Without directories that have changed places: on real bricks a heal now and then leaves one of them empty on the healed copy,
 * without a mark, and why is not known yet. test/xlators/cluster/replicate/heal/entry-stories.test.ts has them.
 */
const stories = Object.keys(entryStories).filter((story) => story !== 'swapped');

describe.each(volumes)('$name', ({ name, victim, type, options }) => {
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume(name, { type, bricks: 3, options: { ...plainVolume, ...options } });
    mount = await mountVolume(pool, { volume: volume.name });
    client = await connect(volume.url, { entryTimeout: 0 });
  });
  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  test(`without brick ${victim}`, async () => {
    const all = volume.bricks.map(() => true);
    const views = [() => upForMount(mount, volume), () => upForVolume(client)];
    const told: [Teller, keyof typeof entryStories][] = [];
    for (const story of stories) {
      await mkdir(mount.at(`mount-${story}`));
      await mkdir(mount.at(`glfs-${story}`));
      told.push([new MountTeller(mount.at(`mount-${story}`)), story]);
      told.push([new VolumeTeller(client, `/glfs-${story}`), story]);
    }
    for (const [teller, story] of told) await entryStories[story]!.before(teller);
    await volume.killBrick(victim);
    await noticed(all.with(victim, false), ...views);
    for (const [teller, story] of told) await entryStories[story]!.missed(teller);
    await volume.restartBrick(victim);
    await noticed(all, ...views);

    const tree = ({ path }: { path: string }): Record<string, string> => {
      const lines = brickTree(path, type.includes('arbiter') ? 'names' : 'all');
      // What heals remove with its directory hangs in the brick's landfill, with its links, for ten minutes.
      const sweeps = options['cluster.use-anonymous-inode'] === 'off';
      return mapValues(lines, (line) => (sweeps ? line.replace(/ links \d+/, '') : line));
    };
    const expected = tree(volume.brick((victim + 2) % 3));
    expect(tree(volume.brick(victim))).not.toEqual(expected);
    for await (const outcome of client.healer().start()) {
      if (outcome.status !== 'purged') expect(outcome).toMatchObject({ status: 'healed' });
    }
    for (const brick of volume.bricks) {
      const { path } = brick;
      expect(tree(brick)).toEqual(expected);
      expect(brickMarks(path)).toEqual([]);
      expect(anonymousNames(path)).toEqual([]);
      expect(indexNames(path)).toEqual([]);
    }
    expect(isEmpty(await listedByGluster(volume))).toBe(true);
  });
});

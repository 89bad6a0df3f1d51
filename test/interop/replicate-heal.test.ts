import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type HealOutcome, type Volume } from '../../src/index.ts';
import { gfidToString } from '../../src/protocol/gfid.ts';
import { attachPool } from '../helpers/attach.ts';
import { differencesOfBricks } from '../helpers/bricks-identical.ts';
import { healByDaemon, isEmpty, type Listed, listedByGlfs, listedByGluster } from '../helpers/heal-info.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { acts, moments } from '../helpers/replicate-story/acts.ts';
import { noticed, plainVolume, upForMount, upForVolume } from '../helpers/replicate-story/both.ts';
import { marksOnDisk, settledMarks, tabulate } from '../helpers/replicate-story/marks.ts';
import { MountTeller, VolumeTeller } from '../helpers/replicate-story/tellers.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { readXattrsOf } from '../helpers/xattr.ts';

/*
 * The same story is told by GlusterFS's mount and by glfs on real bricks, of which one dies and comes back. Then both know the
 * same of what is to be healed, and either's heal makes the bricks equal.
 */
const pool = attachPool();

const sets = [
  { name: 'replica 3', type: 'replica 3', arbiter: undefined, victim: 1 },
  { name: 'arbiter', type: 'replica 3 arbiter 1', arbiter: 2, victim: 0 },
] as const;

describe.each(sets)('$name', ({ name, type, arbiter, victim }) => {
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;

  beforeAll(async () => {
    const options = plainVolume;
    volume = await pool.createVolume(`heal-${name.replaceAll(' ', '-')}`, { type, bricks: 3, options });
    mount = await mountVolume(pool, { volume: volume.name });
    client = await connect(volume.url, { entryTimeout: 0 });
  });
  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  const paths = (): string[] => volume.bricks.map(({ path }) => path);
  const differences = (): string[] => differencesOfBricks(paths(), { arbiter });

  /** Tells the story in `story/mount` and `story/glfs`; brick `victim` is down in the second act. */
  async function tell(story: string): Promise<void> {
    await mkdir(mount.at(story));
    const tellers = [
      new MountTeller(mount.at(story, 'mount')),
      new VolumeTeller(client, `/${story}/glfs`),
    ] as const;
    await mkdir(mount.at(story, 'mount'));
    await mkdir(mount.at(story, 'glfs'));
    const all = volume.bricks.map(() => true);
    const views = [() => upForMount(mount, volume), () => upForVolume(client)];
    for (const moment of moments) {
      if (moment === 'down') await volume.killBrick(victim);
      if (moment === 'after') await volume.restartBrick(victim);
      await noticed(moment === 'down' ? all.with(victim, false) : all, ...views);
      for (const teller of tellers) await acts[moment](teller);
      await settledMarks(() => tabulate(paths().map((path) => marksOnDisk(path, story))));
      if (moment === 'down') expect(await listedByGlfs(client)).toEqual(await listedByGluster(volume));
    }
  }

  /** Both lists name the same files, and of those of the mount's part and of glfs's the same ones. */
  async function listsAgree(story: string): Promise<void> {
    const listed = await listedByGluster(volume);
    expect(await listedByGlfs(client)).toEqual(listed);
    expect(isEmpty(listed)).toBe(false);
    const named = await pathsOf(volume, listed);
    const below = (directory: string): Listed =>
      Object.fromEntries(
        Object.entries(named).map(([brick, files]) => [
          brick,
          files
            .filter((path) => path.startsWith(`/${story}/${directory}`))
            .map((path) => path.slice(`/${story}/${directory}`.length))
            .sort(),
        ]),
      );
    expect(below('glfs')).toEqual(below('mount'));
  }

  async function nothingLeft(): Promise<void> {
    const none = Object.fromEntries(volume.bricks.map(({ host, path }) => [`${host}:${path}`, []]));
    expect(await listedByGluster(volume)).toEqual(none);
    expect(await listedByGlfs(client)).toEqual(none);
    expect(differences()).toEqual([]);
  }

  test('the self-heal daemon heals what glfs has left', async () => {
    await tell('by-daemon');
    await listsAgree('by-daemon');
    await healByDaemon(volume);
    await nothingLeft();
  });

  test('glfs heals what both have left', async () => {
    await tell('by-glfs');
    await listsAgree('by-glfs');
    const outcomes: HealOutcome[] = [];
    for await (const outcome of client.healer().start()) outcomes.push(outcome);
    expect(outcomes.filter(isNoSuccess)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(20);
    await nothingLeft();
  });
});

function isNoSuccess({ status }: HealOutcome): boolean {
  return status !== 'healed' && status !== 'purged';
}

/** The same lists with a path for each gfid; what has no name any more keeps its gfid. */
async function pathsOf(volume: TestVolume, listed: Listed): Promise<Listed> {
  const known = new Map<string, string>();
  for (const { path } of volume.bricks)
    for (const [file, attributes] of await readXattrsOf(filesBelow(path))) {
      const gfid = attributes.get('trusted.gfid');
      if (gfid !== undefined) known.set(gfidToString(gfid), file.slice(path.length));
    }
  return Object.fromEntries(
    Object.entries(listed).map(([brick, gfids]) => [brick, gfids.map((gfid) => known.get(gfid) ?? gfid)]),
  );
}

function filesBelow(brick: string): string[] {
  // Links are not followed: those below .glusterfs lead back up.
  const below = (directory: string): string[] =>
    readdirSync(directory, { withFileTypes: true })
      .filter(({ name }) => directory !== brick || !name.startsWith('.glusterfs'))
      .flatMap((entry) => {
        const path = join(directory, entry.name);
        return [path, ...(entry.isDirectory() ? below(path) : [])];
      });
  return below(brick);
}

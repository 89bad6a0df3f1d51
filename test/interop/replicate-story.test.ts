import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { acts, moments } from '../helpers/replicate-story/acts.ts';
import { noticed, plainVolume, upForMount, upForVolume } from '../helpers/replicate-story/both.ts';
import { type Marks, marksOnDisk, settledMarks, tabulate } from '../helpers/replicate-story/marks.ts';
import { sets } from '../helpers/replicate-story/sets.ts';
import { MountTeller, type Teller, VolumeTeller } from '../helpers/replicate-story/tellers.ts';
import type { TestVolume } from '../helpers/volume.ts';

/*
 * The same story is told by GlusterFS's mount in one directory and by glfs in another: afterwards the bricks say the same of
 * each other. With GLFS_RECORD=1 what the mount leaves becomes the vectors that the unit tier compares with.
 */
const pool = attachPool();
const recording = process.env.GLFS_RECORD === '1';

describe.each(sets)('$name', ({ name, type, size, victims }) => {
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume | undefined;

  beforeAll(async () => {
    volume = await pool.createVolume(`story-${name.replaceAll(' ', '-')}`, {
      type,
      bricks: size,
      options: plainVolume,
    });
    mount = await mountVolume(pool, { volume: volume.name });
    if (!recording) client = await connect(volume.url, { entryTimeout: 0 });
  });
  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  const views = () => [
    () => upForMount(mount, volume),
    ...(client === undefined ? [] : [() => upForVolume(client!)]),
  ];
  const marksIn = (directory: string): Marks =>
    tabulate(volume.bricks.map(({ path }) => marksOnDisk(path, directory)));

  /** The marks go a second after the last write, at the latest. */
  const settled = (directory: string): Promise<Marks> => settledMarks(() => marksIn(directory));

  test.each(victims)('without brick %i', async (victim) => {
    const recorded: Record<string, Marks> = {};
    const told = `told-${victim}`;
    const tellers: Teller[] = [];
    await mkdir(mount.at(told));
    await mkdir(mount.at(told, 'mount'));
    tellers.push(new MountTeller(mount.at(told, 'mount')));
    if (client !== undefined) {
      await mkdir(mount.at(told, 'glfs'));
      tellers.push(new VolumeTeller(client, `/${told}/glfs`));
    }
    const all = volume.bricks.map(() => true);
    for (const moment of moments) {
      if (moment === 'down') {
        await volume.killBrick(victim);
        await noticed(all.with(victim, false), ...views());
      } else if (moment === 'after') {
        await volume.restartBrick(victim);
        await noticed(all, ...views());
      }
      for (const teller of tellers) await acts[moment](teller);
      recorded[moment] = await settled(`${told}/mount`);
      if (client !== undefined)
        expect({ [moment]: await settled(`${told}/glfs`) }).toEqual({ [moment]: recorded[moment] });
    }
    if (recording)
      writeFileSync(
        new URL(`../vectors/replicate/${name.replaceAll(' ', '-')}-without-${victim}.json`, import.meta.url),
        `${JSON.stringify(recorded, undefined, 2)}\n`,
      );
  });
});

import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type HealOutcome, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { differencesOfBricks } from '../helpers/bricks-identical.ts';
import { glusterHeal, isEmpty, type Listed, listedByGlfs, listedByGluster } from '../helpers/heal-info.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { plainVolume, upForMount, upForVolume } from '../helpers/replicate-story/both.ts';
import { marksOnDisk, settledMarks, tabulate } from '../helpers/replicate-story/marks.ts';
import {
  type Author,
  leftToSource,
  makeWhole,
  resolutions,
  tear,
  tearApart,
  tornFiles,
} from '../helpers/split-brain.ts';
import type { TestVolume } from '../helpers/volume.ts';

/*
 * Two bricks of GlusterFS each see writes that the other does not, by GlusterFS's mount in one directory and by glfs in another.
 * Both tools must see what is torn, nobody may read it, and both resolve it in the same way.
 */
const pool = attachPool();

let volume: TestVolume;
let mount: Mount;
let client: Volume;

beforeAll(async () => {
  volume = await pool.createVolume('split-brain', { type: 'replica 2', bricks: 2, options: plainVolume });
  mount = await mountVolume(pool, { volume: volume.name });
  client = await connect(volume.url, { entryTimeout: 0 });
  const authors = [byMount('mount'), byGlfs('glfs')];
  await mkdir(mount.at('mount'));
  await mkdir(mount.at('glfs'));
  for (const author of authors) await makeWhole(author);
  const settled = () =>
    settledMarks(() => tabulate(volume.bricks.map(({ path }) => marksOnDisk(path, 'glfs'))));
  const torn = async (copy: 0 | 1): Promise<void> => {
    for (const author of authors) await tear(author, copy);
    await settled();
  };
  await settled();
  await tearApart(
    {
      kill: (index) => volume.killBrick(index),
      restart: async (index) => void (await volume.restartBrick(index)),
      views: [() => upForMount(mount, volume), () => upForVolume(client)],
    },
    () => torn(0),
    () => torn(1),
  );
});
afterAll(async () => {
  await client?.close();
  await mount?.unmount();
  await volume?.delete();
});

function byMount(directory: string): Author {
  return {
    writeFile: (name, text) => writeFile(mount.at(directory, name), text),
    chmod: (name, mode) => chmod(mount.at(directory, name), mode),
    mkdir: (name) => mkdir(mount.at(directory, name)),
  };
}

function byGlfs(directory: string): Author {
  return {
    writeFile: (name, text) => client.writeFile(`/${directory}/${name}`, text),
    chmod: (name, mode) => client.chmod(`/${directory}/${name}`, mode),
    mkdir: (name) => client.mkdir(`/${directory}/${name}`),
  };
}

const brick = (index = 0): string => `${volume.brick(index).host}:${volume.brick(index).path}`;
const isNew = (name: string): boolean => name.startsWith('gfid/');
const torn = tornFiles.filter((name) => !isNew(name));

test('both tools see the same', async () => {
  const lists: Record<string, Listed> = {
    all: await listedByGluster(volume),
    torn: await listedByGluster(volume, 'split-brain'),
  };
  expect(await listedByGlfs(client)).toEqual(lists.all);
  expect(await listedByGlfs(client, 'split-brain')).toEqual(lists.torn);
  // The files, and the directory that has two files under each of its names.
  for (const listed of Object.values(lists.torn!)) expect(listed).toHaveLength(2 * (torn.length + 1));
});

test('nobody reads what is torn', async () => {
  for (const directory of ['mount', 'glfs'])
    for (const name of tornFiles.filter((file) => !file.startsWith('mode'))) {
      await expect(readFile(mount.at(directory, name)), name).rejects.toMatchObject({ code: 'EIO' });
      await expect(client.readFile(`/${directory}/${name}`), name).rejects.toMatchObject({ code: 'EIO' });
    }
});

test('what is torn is not healed without being told how', async () => {
  const outcomes = await all(client.healer().start());
  const paths = outcomes.filter(({ status }) => status === 'split-brain').map(pathOf);
  expect(paths.sort()).toEqual(
    ['mount', 'glfs'].flatMap((top) => [...torn, 'gfid'].map((name) => `/${top}/${name}`)).sort(),
  );
  // Each of two files under one name is on one brick only.
  const lonely = outcomes.filter(({ status }) => status === 'failed').map(pathOf);
  expect([...new Set(lonely)].sort()).toEqual(
    ['mount', 'glfs'].flatMap((top) => tornFiles.filter(isNew).map((name) => `/${top}/${name}`)).sort(),
  );
});

test.each(resolutions)('$words of $file', async ({ words, file, text, mode }) => {
  const [how, source] = words.map((word) => (word === 'BRICK' ? brick() : word));
  const theirs = await glusterHeal(volume, how!, ...(source === undefined ? [] : [source]), `/mount/${file}`);
  const choice = source === undefined ? (how as 'latest-mtime' | 'bigger-file') : { source };
  const ours = await client
    .healer()
    .resolve(`/glfs/${file}`, choice)
    .then(
      () => (isNew(file) ? 'GFID split-brain resolved for file ' : 'Healed '),
      (error: { reason: string }) => error.reason,
    );
  if (isNew(file) || how !== 'latest-mtime' || text === undefined) expect(theirs.stdout).toContain(ours);
  else {
    // GlusterFS 10.3 looks the file up first, which heals its times, and then sees no difference between them.
    expect(ours).toBe('Healed ');
    if (!theirs.stdout.startsWith('Healed '))
      await client.healer().resolve(`/mount/${file}`, { source: brick(1) });
  }
  if (text !== undefined) {
    expect(await readFile(mount.at('glfs', file), 'utf8')).toBe(text);
    expect(await client.readFile(`/glfs/${file}`, 'utf8')).toBe(text);
    // There the bytes of a file that was two wait for another heal.
    if (isNew(file)) await all(client.healer().start());
    expect(await client.readFile(`/mount/${file}`, 'utf8')).toBe(text);
  }
  if (mode !== undefined)
    for (const directory of ['mount', 'glfs'])
      expect((await stat(mount.at(directory, file))).mode & 0o7777).toBe(mode);
});

test('one brick is right about the rest', async () => {
  const outcomes = await all(client.healer().resolveFrom(brick()));
  const paths = outcomes.filter(({ status }) => status === 'healed').map(pathOf);
  expect(paths).toEqual(
    expect.arrayContaining(['mount', 'glfs'].flatMap((top) => leftToSource.map((name) => `/${top}/${name}`))),
  );
  await all(client.healer().start());
  expect(isEmpty(await listedByGluster(volume))).toBe(true);
  expect(isEmpty(await listedByGlfs(client))).toBe(true);
  expect(differencesOfBricks(volume.bricks.map(({ path }) => path))).toEqual([]);
});

function pathOf(outcome: HealOutcome): string {
  return 'path' in outcome && outcome.path !== undefined ? outcome.path : '';
}

async function all(outcomes: AsyncIterable<HealOutcome>): Promise<HealOutcome[]> {
  const found: HealOutcome[] = [];
  for await (const outcome of outcomes) found.push(outcome);
  return found;
}

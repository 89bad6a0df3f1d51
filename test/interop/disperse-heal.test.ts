import { readFileSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type HealOutcome, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { differencesOfFragments, wrongFragments } from '../helpers/fragment-checks.ts';
import { glusterHeal, healByDaemon, isEmpty, listedByGlfs, listedByGluster } from '../helpers/heal-info.ts';
import { numbered } from '../helpers/healing.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { acts, moments } from '../helpers/replicate-story/acts.ts';
import { plainVolume } from '../helpers/replicate-story/both.ts';
import { MountTeller, VolumeTeller } from '../helpers/replicate-story/tellers.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/*
 * The same story is told by GlusterFS's mount and by glfs on real bricks of a 4+2 volume, of which two die and come back. Then
 * both know the same of what is to be healed, and either's heal makes all fragments whole.
 */
const pool = attachPool();
const { 'cluster.self-heal-daemon': _, ...plain } = plainVolume;
const DAEMON = 'cluster.disperse-self-heal-daemon';
const BIG = 9 * 2 ** 20 + 12_345;
let volume: TestVolume;
let mount: Mount;
let client: Volume;

beforeAll(async () => {
  volume = await pool.createVolume('disperse-heal', {
    type: 'disperse 6 redundancy 2',
    bricks: 6,
    options: { ...plain, [DAEMON]: 'off', 'disperse.background-heals': '0' },
  });
  mount = await mountVolume(pool, { volume: volume.name });
  client = await connect(volume.url, { entryTimeout: 0 });
});
afterAll(async () => {
  await client?.close();
  await mount?.unmount();
  await volume?.delete();
});

const paths = (): string[] => volume.bricks.map(({ path }) => path);

/** Both clients have noticed how many bricks are up. */
async function noticed(count: number): Promise<void> {
  const view = mount.at(`.meta/graphs/active/${volume.name}-disperse-0/private`);
  const up = (): number =>
    client
      .healer()
      .bricks()
      .filter((brick) => brick.up).length;
  await waitUntil(
    () => Number(/^childs_up = (\d+)/m.exec(readFileSync(view, 'latin1'))?.[1]) === count && up() === count,
    { what: `both clients to see ${count} bricks`, timeoutMs: 30_000, everyMs: 50 },
  );
}

/** Tells the story in `story/mount` and `story/glfs`; the victims are down in the second act. */
async function tell(story: string, victims: readonly number[]): Promise<void> {
  for (const directory of [story, `${story}/mount`, `${story}/glfs`]) await mkdir(mount.at(directory));
  const tellers = [
    new MountTeller(mount.at(story, 'mount')),
    new VolumeTeller(client, `/${story}/glfs`),
  ] as const;
  for (const name of ['mount', 'glfs']) await client.writeFile(`/${story}/${name}/big`, numbered(BIG, 1));
  for (const moment of moments) {
    if (moment === 'down') for (const victim of victims) await volume.killBrick(victim);
    if (moment === 'after') for (const victim of victims) await volume.restartBrick(victim);
    await noticed(moment === 'down' ? 6 - victims.length : 6);
    for (const teller of tellers) await acts[moment](teller);
    if (moment === 'down') await changeBigFiles(story);
  }
}

/** More than the window of a heal, at no boundary of anything, and a hole behind it. */
async function changeBigFiles(story: string): Promise<void> {
  await using ours = await client.open(`/${story}/glfs/big`, 'r+');
  await using theirs = await open(mount.at(story, 'mount', 'big'), 'r+');
  const data = numbered(BIG - 3000, 2);
  await ours.pwrite(data, 777);
  await theirs.write(data, 0, data.length, 777);
  for (const file of [ours, theirs]) await file.truncate(BIG + 2_000_001);
}

async function nothingLeft(story: string, ignore: readonly RegExp[] = []): Promise<void> {
  const none = Object.fromEntries(volume.bricks.map(({ host, path }) => [`${host}:${path}`, []]));
  expect(await listedByGluster(volume)).toEqual(none);
  expect(await listedByGlfs(client)).toEqual(none);
  expect(differencesOfFragments(paths(), { mtimes: false, ignore })).toEqual([]);
  const { files, wrong } = await wrongFragments(client, paths(), 4, `/${story}`);
  expect(wrong).toEqual([]);
  expect(files).toBeGreaterThan(10);
  for (const name of ['mount', 'glfs']) {
    // Not at once: the mount waits for locks that this process gives back.
    const there = await readFile(mount.at(story, name, 'big'));
    expect(there.equals(await client.readFile(`/${story}/${name}/big`))).toBe(true);
    expect(there.subarray(777, BIG - 2223).equals(numbered(BIG - 3000, 2))).toBe(true);
  }
}

test('glfs heals what both have left', async () => {
  await tell('by-glfs', [1, 4]);
  // Locks that are kept idle mark what they owe when they are given back: the lists stand still after that.
  const listed = await waitUntil(
    async () => {
      const before = await listedByGluster(volume);
      const ours = await listedByGlfs(client);
      expect(await listedByGluster(volume)).toEqual(before);
      return { theirs: before, ours };
    },
    { what: 'the lists to stand still', timeoutMs: 60_000, everyMs: 500 },
  );
  expect(isEmpty(listed.theirs)).toBe(false);
  expect(listed.ours).toEqual(listed.theirs);
  const outcomes: HealOutcome[] = [];
  for await (const outcome of client.healer().start()) outcomes.push(outcome);
  expect(outcomes.filter(({ status }) => status !== 'healed' && status !== 'purged')).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(20);
  await nothingLeft('by-glfs');
});

test('the self-heal daemon heals what glfs has left', async () => {
  await tell('by-daemon', [0, 5]);
  await healByDaemon(volume, DAEMON);
  // What it removes with its directory keeps a link until the brick has swept that up.
  await nothingLeft('by-daemon', [/^links$/]);
});

test('there is no split-brain, and that is said in the same words', async () => {
  const { code, stdout } = await glusterHeal(volume, 'split-brain-info');
  expect(code).not.toBe(0);
  const reason = stdout.trim();
  expect(reason).toContain('supported for only volumes of replicate type');
  expect(() => client.healer().requireCopies()).toThrow(expect.objectContaining({ reason }));
});

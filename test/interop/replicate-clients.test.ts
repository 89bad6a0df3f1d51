import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { differencesOfBricks } from '../helpers/bricks-identical.ts';
import { healAll } from '../helpers/chaos/healer.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { runOk } from '../helpers/processes.ts';
import { plainVolume } from '../helpers/replicate-story/both.ts';
import type { TestVolume } from '../helpers/volume.ts';

/* Two clients of glfs and GlusterFS's mount on one replica set, at once. The set is sharded in the last tests. */
const pool = attachPool();
const ROUNDS = 15;
let volume: TestVolume;
let mount: Mount;
let clients: Volume[] = [];

beforeAll(async () => {
  volume = await pool.createVolume('contended', { type: 'replica 3', bricks: 3, options: plainVolume });
  mount = await mountVolume(pool, { volume: volume.name });
  clients = [await connect(volume.url, { entryTimeout: 0 }), await connect(volume.url, { entryTimeout: 0 })];
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await mount?.unmount();
  await volume?.delete();
});

/** Takes fcntl's lock of a whole file, appends a line at its end, gives the lock back: for each line of its arguments. */
const appender = `use Fcntl; my $f = shift; open(F, '+<', $f) or die;
  sub turn { my $lock = pack('s s x4 q q i x4', shift, 0, 0, 0, 0); fcntl(F, F_SETLKW, $lock) or die "lock: $!" }
  for my $line (@ARGV) { turn(F_WRLCK); sysseek(F, 0, 2); syswrite(F, "$line\n") or die "write: $!"; turn(F_UNLCK) }`;

test('appending under locks: every line is there once, whole', async () => {
  await clients[0]!.writeFile('/log', '');
  const lines = (who: string): string[] => Array.from({ length: ROUNDS }, (_, index) => `${who} ${index}`);
  await Promise.all([
    ...clients.map(async (client, who) => {
      await using file = await client.open('/log', 'r+');
      for (const line of lines(`glfs-${who}`)) {
        await using _lock = await file.lock('write', { start: 0, length: 0 });
        await file.pwrite(`${line}\n`, (await file.stat()).size);
      }
    }),
    runOk('perl', ['-e', appender, mount.at('log'), ...lines('mount')]),
  ]);
  const text = (await clients[1]!.readFile('/log')).toString();
  const expected = ['glfs-0', 'glfs-1', 'mount'].flatMap(lines);
  expect(text.trimEnd().split('\n').sort()).toEqual(expected.sort());
  expect((await readFile(mount.at('log'))).toString()).toBe(text);
});

test('renaming in one directory: nothing is lost, and nothing is there twice', async () => {
  await clients[0]!.mkdir('/dir');
  const files = Array.from({ length: 9 }, (_, index) => `file-${index}`);
  for (const file of files) await clients[0]!.writeFile(`/dir/${file}`, file);
  const renames: ((from: string, to: string) => Promise<void>)[] = [
    ...clients.map((client) => (from: string, to: string) => client.rename(`/dir/${from}`, `/dir/${to}`)),
    (from, to) => rename(mount.at('dir', from), mount.at('dir', to)),
  ];
  await Promise.all(
    renames.map(async (move, who) => {
      for (let round = 0; round < ROUNDS; round++)
        for (const file of files.slice(who * 3, who * 3 + 3))
          await move(round === 0 ? file : `${file}.${round - 1}`, `${file}.${round}`);
    }),
  );
  const last = files.map((file) => `${file}.${ROUNDS - 1}`);
  expect((await readdir(mount.at('dir'))).sort()).toEqual(last);
  for (const client of clients) expect((await client.readdir('/dir')).sort()).toEqual(last);
  for (const [index, name] of last.entries())
    expect((await clients[1]!.readFile(`/dir/${name}`)).toString()).toBe(files[index]);
});

test('a lock that is kept for the next write is given up for a mount that waits for it', async () => {
  const file = await clients[0]!.open('/kept', 'w+');
  const theirs = await open(mount.at('kept'), 'r+');
  let ours = 0;
  let stop = false;
  const writing = (async () => {
    while (!stop) {
      await file.pwrite('glfs', 0);
      ours++;
    }
  })();
  // Each of these waits for a lock that the stream of writes would keep for ever.
  for (let count = 0; count < 5; count++) await theirs.write('fuse', 100);
  stop = true;
  await writing;
  expect(ours).toBeGreaterThan(0);
  await theirs.close();
  await file.close();
  expect((await readFile(mount.at('kept'))).subarray(100).toString()).toBe('fuse');
});

test('the copies are the same', async () => {
  const directories = volume.bricks.map(({ path }) => path);
  await healAll(await connect(volume.url), directories);
  expect(differencesOfBricks(directories, { mtimes: false })).toEqual([]);
});

test('sharded: both write one file, a brick dies in between, and the copies are the same after a heal', async () => {
  await volume.setAll({ 'features.shard': 'on', 'features.shard-block-size': '4MB' });
  await using fresh = await mountVolume(pool, { volume: volume.name });
  const client = await connect(volume.url, { entryTimeout: 0 });
  try {
    const bytes = randomBytes(9 * 2 ** 20 + 77);
    const more = randomBytes(5 * 2 ** 20);
    await client.writeFile('/image', bytes.subarray(0, 5 * 2 ** 20));
    await volume.killBrick(1);
    const file = await client.open('/image', 'r+');
    await file.pwrite(bytes.subarray(5 * 2 ** 20), 5 * 2 ** 20);
    await file.close();
    await writeFile(fresh.at('theirs'), more);
    await volume.restartBrick(1);
    const whole = Buffer.from(bytes);
    const theirs = await open(fresh.at('image'), 'r+');
    await theirs.write(more, 0, 4096, 4 * 2 ** 20 - 1000);
    await theirs.close();
    more.copy(whole, 4 * 2 ** 20 - 1000, 0, 4096);
    const directories = volume.bricks.map(({ path }) => path);
    await healAll(await connect(volume.url), directories);
    expect((await client.readFile('/image')).equals(whole)).toBe(true);
    expect((await readFile(fresh.at('image'))).equals(whole)).toBe(true);
    expect((await client.readFile('/theirs')).equals(more)).toBe(true);
    expect(differencesOfBricks(directories, { mtimes: false })).toEqual([]);
  } finally {
    await client.close();
  }
});

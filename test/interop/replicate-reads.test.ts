import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { hostSyscalls } from '../../src/syscalls.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { plainVolume, upForMount, upForVolume } from '../helpers/replicate-story/both.ts';
import { tearApart } from '../helpers/split-brain.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';
import { setXattr } from '../helpers/xattr.ts';

/* Two bricks of GlusterFS, each of which has seen writes that the other has not: what both clients say of it by "attributes". */
const pool = attachPool();

let volume: TestVolume;
let mount: Mount;
let client: Volume;

const STATUS = 'replica.split-brain-status';
const CHOICE = 'replica.split-brain-choice';
const FINALIZE = 'replica.split-brain-heal-finalize';

beforeAll(async () => {
  volume = await pool.createVolume('replicate-reads', { type: 'replica 2', bricks: 2, options: plainVolume });
  mount = await mountVolume(pool, { volume: volume.name });
  client = await connect(volume.url, { entryTimeout: 0 });
  for (const name of ['data', 'both', 'well']) await client.writeFile(`/${name}`, 'whole');
  const change = async (text: string, mode: number): Promise<void> => {
    await client.writeFile('/data', text);
    await client.writeFile('/both', text);
    await client.chmod('/both', mode);
    // The marks are on disk before a brick goes.
    await using file = await client.open('/data', 'r+');
    await file.sync();
  };
  await tearApart(
    {
      kill: (index) => volume.killBrick(index),
      restart: async (index) => void (await volume.restartBrick(index)),
      views: [() => upForMount(mount, volume), () => upForVolume(client)],
    },
    () => change('of the first', 0o600),
    () => change('of the second', 0o640),
  );
});
afterAll(async () => {
  await client?.close();
  await mount?.unmount();
  await volume?.delete();
});

/** By the call itself: getfattr asks for the attributes first, which nobody can tell of these files. A value may end in a NUL. */
function byMount(name: string, attribute: string): string {
  const value = hostSyscalls().getxattr(Buffer.from(mount.at(name)), Buffer.from(attribute));
  return value.toString().replace(/\0$/, '');
}

test.each(['data', 'both', 'well'])('the status of %s is the same by both', async (name) => {
  const theirs = byMount(name, STATUS);
  expect((await client.getxattr(`/${name}`, STATUS)).toString()).toBe(theirs);
  expect(theirs).toMatch(name === 'well' ? /not under data/ : /data-split-brain:yes/);
});

test('where a file is, too', async () => {
  // A mount names the copies in the order in which they have answered.
  const places = (text: string): string[] => text.split(/[ ()]+/).sort();
  const theirs = byMount('well', 'trusted.glusterfs.pathinfo');
  const ours = (await client.getxattr('/well', 'trusted.glusterfs.pathinfo')).toString();
  expect(places(ours)).toEqual(places(theirs));
});

test.each([0, 1])('a choice shows both copy %i', async (index) => {
  const choice = `${volume.name}-client-${index}`;
  const expected = index === 0 ? 'of the first' : 'of the second';
  await setXattr(mount.at('data'), CHOICE, Buffer.from(choice));
  await client.setxattr('/data', CHOICE, choice);
  expect(await readFile(mount.at('data'), 'utf8')).toBe(expected);
  expect((await client.readFile('/data')).toString()).toBe(expected);
  await setXattr(mount.at('data'), CHOICE, Buffer.from('none'));
  await client.setxattr('/data', CHOICE, 'none');
  await expect(client.readFile('/data')).rejects.toMatchObject({ code: 'EIO' });
});

test('what glfs settles is settled for the mount', async () => {
  await client.setxattr('/data', FINALIZE, `${volume.name}-client-1`);
  expect((await client.readFile('/data')).toString()).toBe('of the second');
  expect(byMount('data', STATUS)).toMatch(/not under data/);
  expect(await readFile(mount.at('data'), 'utf8')).toBe('of the second');
});

test('an unlinked file that is open is read after a brick has gone', async () => {
  await writeFile(mount.at('gone'), 'still there');
  await using file = await client.open('/gone', 'r');
  await client.unlink('/gone');
  await volume.killBrick(1);
  await waitUntil(() => !upForVolume(client)[1], { what: 'the loss of the brick' });
  const { buffer, bytesRead } = await file.read(100);
  expect(buffer.subarray(0, bytesRead).toString()).toBe('still there');
  await volume.restartBrick(1);
});

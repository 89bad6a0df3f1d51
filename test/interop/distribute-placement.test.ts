import { mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { randomNames } from '../helpers/names.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { readXattrs } from '../helpers/xattr.ts';

const LAYOUT = 'trusted.glusterfs.dht';
const MDS = 'trusted.glusterfs.dht.mds';

/** Layout and metadata mark of a directory on every brick, in hexadecimal. */
async function layouts(volume: TestVolume, path: string): Promise<string[]> {
  return Promise.all(
    volume.bricks.map(async (brick) => {
      const xattrs = await readXattrs(join(brick.path, path));
      return [LAYOUT, MDS].map((name) => xattrs.get(name)?.toString('hex') ?? '-').join(' ');
    }),
  );
}

/** Names in a directory, brick by brick, as bytes: some are no UTF-8. */
function names(volume: TestVolume, path: string): string[][] {
  return volume.bricks.map((brick) =>
    readdirSync(join(brick.path, path), { encoding: 'buffer' })
      .map((name) => name.toString('latin1'))
      .sort(),
  );
}

function inBytes(parent: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${parent}/`), name]);
}

describe.each([2, 3, 7])('where things go on %i bricks', (bricks) => {
  const pool = attachPool();
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume(`place${bricks}`, { bricks });
    // Ours is the first client that the volume ever has: it gives the root its layout.
    client = await connect(volume.url);
    await client.stat('/');
    mount = await mountVolume(pool, { volume: volume.name });
  });

  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  test('the root gets the layout that a FUSE mount gives it', async () => {
    const other = await pool.createVolume(`place${bricks}f`, { bricks });
    const first = await mountVolume(pool, { volume: other.name });
    statSync(first.path);
    expect(await layouts(volume, '')).toEqual(await layouts(other, ''));
    await first.unmount();
    await other.delete();
  });

  test('new directories get the layouts that a FUSE mount gives them', async () => {
    await client.mkdir('/nested/deeper', { recursive: true });
    for (const path of ['/a', '/b', '/some directory', '/ü', '/nested/x', '/nested/deeper/.y.tmp']) {
      await client.mkdir(path);
      const ours = await layouts(volume, path);
      await client.rmdir(path);
      expect(volume.bricks.every((brick) => !readdirSync(brick.path).includes(path.slice(1)))).toBe(true);
      mkdirSync(mount.at(path));
      expect(ours).toEqual(await layouts(volume, path));
      rmdirSync(mount.at(path));
      await expect(client.stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  test('files land on the bricks where a FUSE mount puts them', async () => {
    await client.mkdir('/files');
    const wanted = randomNames(1000, bricks);
    await Promise.all(wanted.map((name) => client.writeFile(inBytes('/files', name), 'x')));
    const ours = names(volume, 'files');
    expect(ours.flat()).toHaveLength(wanted.length);
    await Promise.all(wanted.map((name) => client.unlink(inBytes('/files', name))));
    expect(names(volume, 'files').flat()).toEqual([]);
    for (const name of wanted) writeFileSync(inBytes(mount.at('files'), name), 'x');
    expect(names(volume, 'files')).toEqual(ours);
  });
});

test('10,000 files with random names are found by a FUSE mount where they are, and by us where it puts them', async () => {
  const pool = attachPool();
  const volume = await pool.createVolume('many', { bricks: 3 });
  await using mount = await mountVolume(pool, { volume: volume.name });
  await using client = await connect(volume.url);
  await client.mkdir('/many');
  const all = randomNames(10_000, 99);
  const queue = [...all.keys()];
  const worker = async (): Promise<void> => {
    for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
      const name = all[index]!;
      if (index % 20 === 0) writeFileSync(inBytes(mount.at('many'), name), `${index}`);
      else await client.writeFile(inBytes('/many', name), `${index}`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  const before = names(volume, 'many');
  expect(before.flat()).toHaveLength(all.length);
  // A name that did not hash to its brick would be absent (lookup-optimize), or leave a linkto file behind.
  for (let from = 0; from < all.length; from += 100) {
    const sizes = all
      .slice(from, from + 100)
      .map(async (name) => (await stat(inBytes(mount.at('many'), name))).size);
    expect(await Promise.all(sizes)).toEqual(sizes.map((_, index) => `${from + index}`.length));
  }
  for (let index = 0; index < all.length; index += 20) {
    expect((await client.readFile(inBytes('/many', all[index]!))).toString()).toBe(`${index}`);
  }
  expect(names(volume, 'many')).toEqual(before);
  const listed = (await client.readdir('/many', { encoding: 'buffer' })).map((name) =>
    name.toString('latin1'),
  );
  expect(listed.sort()).toEqual(all.map((name) => name.toString('latin1')).sort());
  await client.close();
  await mount.unmount();
  await volume.delete();
});

import * as fs from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Upcall, type Upcalls, type Volume } from '../../src/api/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/*
 * What bricks of GlusterFS tell one client of what another does: the facts that features/upcall is built on.
 */
const pool = attachPool();
let testVolume: TestVolume;
let mount: Mount;
let volume: Volume;
let upcalls: Upcalls;

beforeAll(async () => {
  const options = { 'features.cache-invalidation': 'on' };
  testVolume = await pool.createVolume('upcall', { bricks: 1, options });
  mount = await mountVolume(pool, { volume: 'upcall' });
  volume = await connect(testVolume.url);
  upcalls = volume.upcalls();
});

afterAll(async () => {
  await upcalls?.close();
  await volume?.close();
  await mount?.unmount();
  await testVolume?.delete();
});

type Invalidation = Extract<Upcall, { kind: 'invalidation' }>;

/** The file's gfid; asking makes this client one that is told. */
async function known(path: string): Promise<string> {
  await using file = await volume.handle(path);
  await file.stat();
  return file.gfid;
}

/** What is told of the file until the flags have all those bits; several invalidations are one. */
async function told(gfid: string, bits: number): Promise<Invalidation> {
  let flags = 0;
  const what = `an invalidation of ${gfid} with 0x${bits.toString(16)}`;
  const look = () => {
    for (let upcall = upcalls.poll(); upcall !== undefined; upcall = upcalls.poll()) {
      if (upcall.kind !== 'invalidation' || upcall.gfid !== gfid) continue;
      flags |= upcall.flags;
      if ((flags & bits) === bits) return { ...upcall, flags };
    }
    return undefined;
  };
  return waitUntil(look, { what });
}

test('flags, attributes and directories are those that features/upcall gives', async () => {
  await fs.mkdir(mount.at('d'));
  await fs.mkdir(mount.at('e'));
  await fs.writeFile(mount.at('d/file'), 'x');
  await fs.writeFile(mount.at('d/other'), 'x');
  const directory = await known('/d');
  const target = await known('/e');
  const file = await known('/d/file');
  const other = await known('/d/other');

  await fs.appendFile(mount.at('d/file'), 'y');
  expect(await told(file, 0x18)).toMatchObject({ flags: 0x18, expiresIn: 60, stats: { size: 2 } });
  await fs.utimes(mount.at('d/file'), 1, 2);
  expect(await told(file, 0x5e)).toMatchObject({ flags: 0x5e });
  await fs.chmod(mount.at('d/file'), 0o600);
  expect(await told(file, 0x45e)).toMatchObject({ flags: 0x45e });
  await fs.truncate(mount.at('d/file'), 0);
  expect(await told(file, 0x18)).toMatchObject({ flags: 0x18, stats: { size: 0 } });

  await fs.link(mount.at('d/file'), mount.at('e/second'));
  expect(await told(file, 0x211)).toMatchObject({ flags: 0x211, parent: { gfid: target } });
  await fs.unlink(mount.at('e/second'));
  expect(await told(file, 0x211)).toMatchObject({ flags: 0x211, parent: { gfid: target } });

  await fs.rename(mount.at('d/file'), mount.at('e/moved'));
  const moved = { flags: 0x280, parent: { gfid: target }, oldParent: { gfid: directory } };
  expect(await told(file, 0x280)).toMatchObject(moved);
  expect(await known('/e/moved')).toBe(file);
  await fs.rename(mount.at('d/other'), mount.at('e/moved'));
  expect(await told(other, 0x280)).toMatchObject(moved);
  // What was replaced is forgotten, a little later; so is what was removed.
  await known('/e/moved');
  await fs.unlink(mount.at('e/moved'));
  expect((await told(other, 0x211)).flags & ~0x100).toBe(0x211);

  await known('/d');
  await fs.mkdir(mount.at('d/sub'));
  expect(await told(directory, 0x10)).toMatchObject({ flags: 0x10 });
  await fs.writeFile(mount.at('d/new'), '');
  expect(await told(directory, 0x10)).toMatchObject({ flags: 0x10 });
});

test('a file that a rename replaced is forgotten', async () => {
  await fs.writeFile(mount.at('old'), '');
  await fs.writeFile(mount.at('new'), '');
  const replaced = await known('/old');
  await fs.rename(mount.at('new'), mount.at('old'));
  expect(await told(replaced, 0x100)).toMatchObject({ flags: 0x100 });
});

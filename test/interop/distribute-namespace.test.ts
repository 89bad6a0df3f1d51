import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { seeded } from '../helpers/names.ts';
import { brickState } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';
import { readXattr, setXattr } from '../helpers/xattr.ts';

const LINKTO = 'trusted.glusterfs.dht.linkto';

/** Everything below a directory as a mount shows it: path → type, inode, links, content. */
function treeOf(root: string, below = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(join(root, below))) {
    const path = `${below}/${name}`;
    const stat = lstatSync(join(root, path), { bigint: true });
    // Node shows them signed.
    const ino = BigInt.asUintN(64, stat.ino);
    if (stat.isDirectory()) {
      found.set(path, `directory ${ino}`);
      for (const [key, value] of treeOf(root, path)) found.set(key, value);
    } else {
      found.set(path, `file ${ino} ${stat.nlink} ${readFileSync(join(root, path))}`);
    }
  }
  return found;
}

/** The same as our client shows it. */
async function ourTree(client: Volume, below: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await client.readdir(below)) {
    const path = `${below}/${name}`;
    const stat = await client.lstat(path, { bigint: true });
    const ino = BigInt.asUintN(64, stat.ino);
    if (stat.isDirectory()) {
      found.set(path, `directory ${ino}`);
      for (const [key, value] of await ourTree(client, path)) found.set(key, value);
    } else {
      found.set(path, `file ${ino} ${stat.nlink} ${await client.readFile(path)}`);
    }
  }
  return found;
}

/** A linkto file: nothing but the sticky bit. */
function isLinkto(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o7777) === 0o1000;
}

describe('names on three bricks', () => {
  const pool = attachPool();
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume('names', { bricks: 3 });
    mount = await mountVolume(pool, { volume: volume.name });
    client = await connect(volume.url);
  });

  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  async function noLocksAreLeft(): Promise<void> {
    for (const brick of volume.bricks) expect((await brickState(brick)).locks).toEqual([]);
  }

  /** What is under a path on each brick: `-`, `data`, or a linkto file's target. */
  async function shape(path: string): Promise<string[]> {
    return Promise.all(
      volume.bricks.map(async (brick) => {
        const own = join(brick.path, path);
        if (lstatSync(own, { throwIfNoEntry: false }) === undefined) return '-';
        if (!isLinkto(own)) return 'data';
        return (await readXattr(own, LINKTO))!.toString().replace('\0', '');
      }),
    );
  }

  test('500 random renames, links and unlinks leave a tree that FUSE lists identically', async () => {
    const random = seeded(14);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const directories = ['/tree', '/tree/a', '/tree/b', '/tree/b/c'];
    for (const path of directories) await client.mkdir(path);
    // What must be there in the end: path → what is in the file.
    const model = new Map<string, string>();
    let serial = 0;
    const free = (): string => `${pick(directories)}/${pick(['n', '.t.', 'Name with space '])}${serial++}`;
    const create = async (): Promise<void> => {
      const path = free();
      await client.writeFile(path, `content ${serial}`);
      model.set(path, `content ${serial}`);
    };
    for (let count = 0; count < 30; count++) await create();
    let linkTo = 0;
    // Files that are made in between, so that there is something to remove, are no steps.
    for (let step = 0; step < 500; step++) {
      while (model.size <= 20) await create();
      const paths = [...model.keys()];
      const [from, kind] = [pick(paths), random()];
      if (kind < 0.5) {
        // Half of them replace a file.
        const to = random() < 0.5 ? pick(paths) : free();
        const [source, target] = [await client.lstat(from), await client.lstat(to).catch(() => undefined)];
        await client.rename(from, to);
        if (source.ino !== target?.ino) {
          model.set(to, model.get(from)!);
          model.delete(from);
        }
      } else if (kind < 0.75) {
        const to = free();
        await client.link(from, to);
        model.set(to, model.get(from)!);
      } else {
        await client.unlink(from);
        model.delete(from);
      }
      if (step % 50 === 0)
        linkTo += (await shape(pick([...model.keys()]))).filter((one) => one.includes('client')).length;
    }
    const seen = treeOf(mount.path, '/tree');
    const files = [...seen].filter(([, what]) => what.startsWith('file'));
    expect(new Map(files.map(([path, what]) => [path, what.split(' ').slice(3).join(' ')]))).toEqual(model);
    expect(await ourTree(client, '/tree')).toEqual(seen);
    // Every linkto file leads to data of the same gfid, and every file has but one place.
    for (const path of model.keys()) {
      const places = await shape(path);
      expect(places.filter((one) => one === 'data')).toHaveLength(1);
      for (const pointer of places.filter((one) => one !== '-' && one !== 'data')) {
        const holder = volume.bricks.findIndex((_, index) => pointer === `${volume.name}-client-${index}`);
        expect(places[holder]).toBe('data');
        const gfids = await Promise.all(
          [holder, places.indexOf(pointer)].map((index) =>
            readXattr(join(volume.brick(index).path, path), 'trusted.gfid'),
          ),
        );
        expect(gfids[0]).toEqual(gfids[1]);
      }
    }
    expect(linkTo).toBeGreaterThan(0);
    await client.rm('/tree', { recursive: true });
    for (const brick of volume.bricks) expect(readdirSync(brick.path)).not.toContain('tree');
    await noLocksAreLeft();
  });

  test('a linkto file that FUSE made is followed, and one of ours by FUSE', async () => {
    await client.mkdir('/linkto');
    let crossed = 0;
    for (let serial = 0; serial < 12; serial++) {
      const [first, second, third] = [`/linkto/a${serial}`, `/linkto/b${serial}`, `/linkto/c${serial}`];
      writeFileSync(mount.at(first), `text ${serial}`);
      renameSync(mount.at(first), mount.at(second));
      const theirs = await shape(second);
      if (theirs.some((one) => one.includes('client'))) crossed++;
      expect((await client.readFile(second)).toString()).toBe(`text ${serial}`);
      await client.rename(second, third);
      expect(readFileSync(mount.at(third), 'utf8')).toBe(`text ${serial}`);
      await expect(client.stat(second)).rejects.toMatchObject({ code: 'ENOENT' });
      // The linkto file has the owner of the data, as quota wants it.
      writeFileSync(mount.at(third), 'more');
      expect((await client.readFile(third)).toString()).toBe('more');
      // Renamed by FUSE once more, it leaves what ours leaves.
      renameSync(mount.at(third), mount.at(first));
      await client.rename(first, second);
      expect(await shape(second)).toEqual(theirs);
    }
    expect(crossed).toBeGreaterThan(0);
    await client.rm('/linkto', { recursive: true });
    await noLocksAreLeft();
  });

  test('a linkto file that leads nowhere hides nothing and goes', async () => {
    await client.mkdir('/stale');
    await client.writeFile('/stale/name', 'x');
    const holder = (await shape('/stale/name')).indexOf('data');
    await client.unlink('/stale/name');
    // As after a crash: the brick's own view of the file is made by its gfid, which a lookup heals.
    const own = join(volume.brick(holder).path, 'stale/name');
    writeFileSync(own, '', { mode: 0o1000 });
    await setXattr(own, LINKTO, Buffer.from(`${volume.name}-client-${(holder + 1) % 3}\0`));
    await setXattr(own, 'trusted.gfid', Buffer.from('0123456789abcdef0123456789abcdef', 'hex'));
    expect(isLinkto(own) || statSync(own).isFile()).toBe(true);
    await client.writeFile('/stale/name', 'fresh');
    expect(readFileSync(mount.at('stale/name'), 'utf8')).toBe('fresh');
    expect((await shape('/stale/name')).filter((one) => one === 'data')).toHaveLength(1);
  });

  test('directories: renamed by us with all that is in them, replaced when empty', async () => {
    mkdirSync(mount.at('old/inner'), { recursive: true });
    for (let serial = 0; serial < 20; serial++) writeFileSync(mount.at(`old/inner/f${serial}`), `${serial}`);
    symlinkSync('inner/f3', mount.at('old/link'));
    await client.mkdir('/new');
    await client.rename('/old', '/new');
    expect(readdirSync(mount.at('new')).sort()).toEqual(['inner', 'link']);
    expect(readFileSync(mount.at('new/link'), 'utf8')).toBe('3');
    for (const brick of volume.bricks) expect(readdirSync(brick.path)).not.toContain('old');
    await client.mkdir('/full');
    await client.writeFile('/full/f', '');
    await expect(client.rename('/new', '/full')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await expect(client.rmdir('/full')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await noLocksAreLeft();
  });

  test('of two that rename, make and link the same names at once, none loses a file', async () => {
    await client.mkdir('/race');
    await using other = await connect(volume.url);
    const random = seeded(15);
    const name = (): string => `/race/n${Math.floor(random() * 6)}`;
    const expected = new Set(['ENOENT', 'EEXIST', 'ESTALE', 'EBUSY']);
    const unexpected: Error[] = [];
    const attempt = async (call: Promise<unknown>): Promise<boolean> => {
      try {
        await call;
        return true;
      } catch (error) {
        if (!expected.has((error as { code: string }).code)) unexpected.push(error as Error);
        return false;
      }
    };
    const worker = async (volume: Volume, steps: number): Promise<void> => {
      for (let step = 0; step < steps; step++) {
        const kind = random();
        if (kind < 0.4) await attempt(volume.rename(name(), name()));
        else if (kind < 0.8) await attempt(volume.writeFile(name(), 'x'));
        else await attempt(volume.link(name(), name()));
      }
    };
    await Promise.all([client, other, client, other].map((one) => worker(one, 60)));
    expect(unexpected).toEqual([]);
    // Whatever is left is the same for all, and every listed name leads to a file.
    const seen = treeOf(mount.path, '/race');
    expect(await ourTree(client, '/race')).toEqual(seen);
    await noLocksAreLeft();
  });
});

test('a directory that is missing on a new brick is healed there by a lookup, and rmdir takes it away', async () => {
  const pool = attachPool();
  const volume = await pool.createVolume('healdir', { bricks: 2, nodes: [0] });
  await using client = await connect(volume.url);
  await client.mkdir('/d/e', { recursive: true });
  await client.chmod('/d/e', 0o2750);
  await client.chown('/d/e', 12, 34);
  await client.setxattr('/d/e', 'user.color', 'green');
  await client.writeFile('/d/e/file', 'kept');
  await volume.addBrick({ bricks: 1 });
  await using fresh = await connect(volume.url);
  const stat = await fresh.stat('/d/e');
  const added = join(volume.brick(2).path, 'd/e');
  const healed = statSync(added);
  expect([healed.mode & 0o7777, healed.uid, healed.gid]).toEqual([0o2750, 12, 34]);
  expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([0o2750, 12, 34]);
  expect((await readXattr(added, 'user.color'))?.toString()).toBe('green');
  const gfids = await Promise.all(
    volume.bricks.map((brick) => readXattr(join(brick.path, 'd/e'), 'trusted.gfid')),
  );
  expect(gfids[1]).toEqual(gfids[0]);
  expect(gfids[2]).toEqual(gfids[0]);
  // Its names stay where they were: the new brick takes part only after a fix-layout.
  expect((await readXattr(added, 'trusted.glusterfs.dht'))?.toString('hex')).toBe('0'.repeat(32));
  expect((await fresh.readFile('/d/e/file')).toString()).toBe('kept');
  await volume.startRebalance('fix-layout');
  await waitUntil(
    async () => (await volume.rebalanceStatus()).nodes.every(({ status }) => status.endsWith('completed')),
    {
      what: 'the new layouts',
      timeoutMs: 60_000,
    },
  );
  for (let serial = 0; serial < 30; serial++) await fresh.writeFile(`/d/e/more${serial}`, '');
  expect(readdirSync(added).length).toBeGreaterThan(0);
  expect((await fresh.readFile('/d/e/file')).toString()).toBe('kept');
  await fresh.rm('/d', { recursive: true });
  for (const brick of volume.bricks) expect(readdirSync(brick.path)).not.toContain('d');
  await fresh.close();
  await client.close();
  await volume.delete();
});

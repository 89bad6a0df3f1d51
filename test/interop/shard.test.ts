import { createHash, randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import {
  appendFile,
  link,
  mkdir,
  open,
  readFile,
  rename,
  stat,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { gfidToString } from '../../src/protocol/gfid.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { run } from '../helpers/processes.ts';
import { brickState } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';
import { readXattr, readXattrs } from '../helpers/xattr.ts';

/* A sharded volume of real bricks, used by glfs and by GlusterFS's own client at once. */

const pool = attachPool();
const MIB = 2 ** 20;
const BLOCK = 4 * MIB;

let sharded: TestVolume;
let mount: Mount;
let volume: Volume;
beforeAll(async () => {
  sharded = await pool.createVolume('sharded', {
    bricks: 3,
    options: { 'features.shard': 'on', 'features.shard-block-size': '4MB' },
  });
  mount = await mountVolume(pool, { volume: 'sharded' });
  volume = await connect(sharded.url, { entryTimeout: 0 });
});
afterAll(async () => {
  await volume?.close();
  await mount?.unmount();
  await sharded?.delete();
});

/** Paths of the blocks of a file, by its gfid, on all bricks. */
function blocksOf(gfid: string): string[] {
  return entriesOf('.shard').filter((path) => basename(path).startsWith(`${gfid}.`));
}

function markers(): string[] {
  return entriesOf('.shard/.remove_me');
}

function entriesOf(below: string): string[] {
  return sharded.bricks.flatMap(({ path }) => {
    const directory = join(path, below);
    return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
  });
}

function onBrick(name: string): string {
  const found = sharded.bricks.map(({ path }) => join(path, name)).filter((path) => existsSync(path));
  expect(found).toHaveLength(1);
  return found[0]!;
}

async function gfidOf(name: string): Promise<string> {
  return gfidToString((await readXattr(onBrick(name), 'trusted.gfid'))!);
}

/** The same file by both. */
async function sameForBoth(name: string): Promise<void> {
  const there = await stat(mount.at(name));
  const here = await volume.stat(`/${name}`);
  expect([here.size, here.blocks, here.nlink]).toEqual([there.size, there.blocks, there.nlink]);
  const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
  if (there.size < 64 * MIB)
    expect(digest(await volume.readFile(`/${name}`))).toBe(digest(await readFile(mount.at(name))));
}

async function noBlocksOf(...gfids: string[]): Promise<void> {
  await waitUntil(() => gfids.every((gfid) => blocksOf(gfid).length === 0) && markers().length === 0, {
    what: `the end of the blocks of ${gfids}`,
  });
}

describe('what one has written the other reads', () => {
  test('FUSE writes, glfs reads', async () => {
    const data = randomBytes(3 * BLOCK + 12_345);
    await writeFile(mount.at('by-fuse'), data);
    expect(Buffer.compare(await volume.readFile('/by-fuse'), data)).toBe(0);
    await sameForBoth('by-fuse');
    expect(blocksOf(await gfidOf('by-fuse'))).toHaveLength(3);
  });

  test('glfs writes, FUSE reads', async () => {
    const data = randomBytes(3 * BLOCK + 54_321);
    await volume.writeFile('/by-glfs', data);
    expect(Buffer.compare(await readFile(mount.at('by-glfs')), data)).toBe(0);
    await sameForBoth('by-glfs');
    expect(blocksOf(await gfidOf('by-glfs'))).toHaveLength(3);
  });

  test('both in turn, over borders, in holes, at the end', async () => {
    await using mine = await volume.open('/both', 'w+');
    const theirs = await open(mount.at('both'), 'r+');
    await mine.pwrite('glfs', BLOCK - 2);
    await sameForBoth('both');
    await theirs.write(Buffer.alloc(4096, 'f'), 0, 4096, 3 * BLOCK);
    await sameForBoth('both');
    await mine.pwrite(Buffer.alloc(8192, 'g'), 3 * BLOCK - 4096);
    await sameForBoth('both');
    await mine.truncate(2 * BLOCK + 100);
    await sameForBoth('both');
    await theirs.truncate(BLOCK + 1);
    await sameForBoth('both');
    await mine.pwrite('behind', 2 * BLOCK);
    await sameForBoth('both');
    await theirs.close();
  });

  test('a file that is open on one side while the other cuts it', async () => {
    await volume.writeFile('/cut', Buffer.alloc(3 * BLOCK, 1));
    await using mine = await volume.open('/cut', 'r+');
    expect((await mine.pread(10, 2 * BLOCK)).bytesRead).toBe(10);
    await truncate(mount.at('cut'), 1000);
    expect((await mine.pread(10, 2 * BLOCK)).bytesRead).toBe(0);
    expect((await mine.pread(2000, 0)).bytesRead).toBe(1000);
    await mine.pwrite('far', 2 * BLOCK);
    await sameForBoth('cut');
    await truncate(mount.at('cut'), 1000);
    await mine.pwrite('near', 2000);
    await sameForBoth('cut');
    await truncate(mount.at('cut'), 1000);
    await mine.pwrite('far', 2 * BLOCK);
    await sameForBoth('cut');
    expect((await mine.pread(BLOCK, 1000)).buffer.every((byte) => byte === 0)).toBe(true);
  });

  test('appends in turn', async () => {
    await volume.writeFile('/log', Buffer.alloc(BLOCK - 60, '.'));
    let expected = '.'.repeat(BLOCK - 60);
    await using mine = await volume.open('/log', 'a');
    for (let round = 0; round < 10; round++) {
      await mine.write(`glfs ${round}\n`);
      await appendFile(mount.at('log'), `fuse ${round}\n`);
      expected += `glfs ${round}\nfuse ${round}\n`;
    }
    expect((await volume.readFile('/log')).toString('latin1') === expected).toBe(true);
    await sameForBoth('log');
  });

  test('two clients of glfs append at once', async () => {
    const second = await connect(sharded.url, { entryTimeout: 0 });
    try {
      await volume.writeFile('/words', Buffer.alloc(BLOCK - 100, '.'));
      const files = [await volume.open('/words', 'a'), await second.open('/words', 'a')];
      await Promise.all(
        files.map(async (file, client) => {
          for (let round = 0; round < 20; round++) await file.write(`<${client}:${round + 100}>`);
        }),
      );
      for (const file of files) await file.close();
      const words = (await readFile(mount.at('words'))).toString('latin1').match(/<\d:\d{3}>/g) ?? [];
      expect(new Set(words).size).toBe(40);
      expect((await stat(mount.at('words'))).size).toBe(BLOCK - 100 + 40 * 7);
    } finally {
      await second.close();
    }
  });
});

describe('on the bricks', () => {
  /** What a file has left there, without gfids and times. */
  async function layoutOf(name: string): Promise<unknown> {
    const base = onBrick(name);
    const gfid = await gfidOf(name);
    const describeFile = async (path: string) => {
      const { mode, uid, gid, size, blocks } = lstatSync(path);
      const attributes = [...(await readXattrs(path))].map(([key, value]) => {
        const known = key.startsWith('trusted.glusterfs.shard.');
        return `${key.replace(/gfid2path.*/, 'gfid2path')}=${known ? value.toString('hex') : value.length > 0}`;
      });
      return { mode: mode.toString(8), uid, gid, size, blocks, attributes: attributes.sort() };
    };
    const blocks = new Map<string, unknown>();
    for (const path of blocksOf(gfid)) blocks.set(basename(path).slice(37), await describeFile(path));
    return { base: await describeFile(base), blocks: Object.fromEntries([...blocks].sort()) };
  }

  test('the same story leaves the same', async () => {
    for (const name of ['fuse', 'glfs']) await mkdir(mount.at(name));
    const data = randomBytes(2 * BLOCK + 700);
    const inFuse = async (
      name: string,
      flags: string,
      act: (file: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
    ) => {
      const file = await open(mount.at('fuse', name), flags);
      await act(file);
      await file.close();
    };
    await inFuse('whole', 'w', (file) => file.write(data, 0, data.length, 0));
    await inFuse('holes', 'w', (file) => file.write(data, 0, 10, 3 * BLOCK + 5));
    await inFuse('longer', 'w', (file) => file.truncate(2 * BLOCK + 9));
    await inFuse('shorter', 'w', async (file) => {
      await file.write(data, 0, data.length, 0);
      await file.truncate(BLOCK + 4096);
    });
    await inFuse('tiny', 'w', (file) => file.write('four'));
    await inFuse('over', 'w', async (file) => {
      await file.write(data, 0, data.length, 0);
      await file.write(data, 0, BLOCK, 4096);
    });
    await inFuse('room', 'w', async () => {
      expect((await run('fallocate', ['-l', String(2 * BLOCK + 5000), mount.at('fuse', 'room')])).code).toBe(
        0,
      );
    });

    const inGlfs = async (
      name: string,
      act: (file: Awaited<ReturnType<Volume['open']>>) => Promise<unknown>,
    ) => {
      const file = await volume.open(`/glfs/${name}`, 'w');
      await act(file);
      await file.close();
    };
    await inGlfs('whole', (file) => file.pwrite(data, 0));
    await inGlfs('holes', (file) => file.pwrite(data.subarray(0, 10), 3 * BLOCK + 5));
    await inGlfs('longer', (file) => file.truncate(2 * BLOCK + 9));
    await inGlfs('shorter', async (file) => {
      await file.pwrite(data, 0);
      await file.truncate(BLOCK + 4096);
    });
    await inGlfs('tiny', (file) => file.pwrite('four', 0));
    await inGlfs('over', async (file) => {
      await file.pwrite(data, 0);
      await file.pwrite(data.subarray(0, BLOCK), 4096);
    });
    await inGlfs('room', (file) => file.fallocate(0, 2 * BLOCK + 5000));
    for (const name of ['whole', 'holes', 'longer', 'shorter', 'tiny', 'over', 'room'])
      expect({ [name]: await layoutOf(`glfs/${name}`) }).toEqual({ [name]: await layoutOf(`fuse/${name}`) });
    for (const name of ['whole', 'shorter', 'room'])
      for (const by of ['fuse', 'glfs']) await sameForBoth(`${by}/${name}`);
  });

  test('the directories are those of every client, and root’s', async () => {
    for (const { path } of sharded.bricks) {
      const directory = join(path, '.shard');
      expect(statSync(directory).mode & 0o777).toBe(0o755);
      expect(gfidToString((await readXattr(directory, 'trusted.gfid'))!)).toBe(
        'be318638-e8a0-4c6d-977d-7a937aa84806',
      );
    }
  });
});

describe('removal', () => {
  test('by glfs takes all blocks of what FUSE wrote', async () => {
    await writeFile(mount.at('gone'), Buffer.alloc(5 * BLOCK, 1));
    const gfid = await gfidOf('gone');
    expect(blocksOf(gfid)).toHaveLength(4);
    await volume.unlink('/gone');
    await noBlocksOf(gfid);
  });

  test('by FUSE takes all blocks of what glfs wrote', async () => {
    await volume.writeFile('/gone', Buffer.alloc(5 * BLOCK, 1));
    const gfid = await gfidOf('gone');
    expect(blocksOf(gfid)).toHaveLength(4);
    await unlink(mount.at('gone'));
    await noBlocksOf(gfid);
  });

  test('by a rename over it, either way round', async () => {
    for (const by of ['fuse', 'glfs']) {
      await volume.writeFile('/old', Buffer.alloc(2 * BLOCK, 1));
      await writeFile(mount.at('new'), Buffer.alloc(3 * BLOCK, 2));
      const old = await gfidOf('old');
      if (by === 'fuse') await rename(mount.at('new'), mount.at('old'));
      else await volume.rename('/new', '/old');
      await noBlocksOf(old);
      await sameForBoth('old');
    }
  });

  test('of one of two names leaves the file', async () => {
    await volume.writeFile('/first', Buffer.alloc(2 * BLOCK, 3));
    await link(mount.at('first'), mount.at('second'));
    const gfid = await gfidOf('first');
    await volume.unlink('/first');
    expect(markers()).toEqual([]);
    await sameForBoth('second');
    await unlink(mount.at('second'));
    await noBlocksOf(gfid);
  });

  test('of a file that another has open waits for it', async () => {
    await volume.writeFile('/open', Buffer.alloc(2 * BLOCK, 4));
    const gfid = await gfidOf('open');
    const theirs = await open(mount.at('open'), 'r');
    const mine = await volume.open('/open', 'r+');
    await volume.unlink('/open');
    expect((await theirs.read(Buffer.alloc(10), 0, 10, BLOCK)).bytesRead).toBe(10);
    await mine.pwrite('grown', 4 * BLOCK);
    expect((await mine.stat()).size).toBe(4 * BLOCK + 5);
    expect((await mine.pread(10, 4 * BLOCK)).buffer.toString('latin1', 0, 5)).toBe('grown');
    await theirs.close();
    expect(blocksOf(gfid).length).toBeGreaterThanOrEqual(1);
    await mine.close();
    await noBlocksOf(gfid);
  });

  test('that a client of glfs has left is ended by the next', async () => {
    await volume.writeFile('/left', Buffer.alloc(3 * BLOCK, 5));
    const gfid = await gfidOf('left');
    const theirs = await open(mount.at('left'), 'r');
    const short = await connect(sharded.url);
    await short.unlink('/left');
    await short.close();
    expect(blocksOf(gfid)).toHaveLength(2);
    await theirs.close();
    const next = await connect(sharded.url);
    await next.stat('/by-fuse');
    await noBlocksOf(gfid);
    await next.close();
  });
});

test('a large file with holes: sizes, data and holes, over many blocks', async () => {
  await using file = await volume.open('/sparse', 'w+');
  const size = 3 * 2 ** 30 + 17;
  await file.truncate(size);
  const marks = [0, BLOCK * 10 - 5, 2 ** 31 + 12_345, size - 10];
  for (const at of marks) await file.pwrite('0123456789', at);
  await file.sync();
  await sameForBoth('sparse');
  const theirs = await open(mount.at('sparse'), 'r');
  for (const at of marks)
    expect((await theirs.read(Buffer.alloc(10), 0, 10, at)).buffer.toString()).toBe('0123456789');
  await theirs.close();
  const data: number[] = [];
  for (let at = 0; ; ) {
    const found = await file.seekData(at).catch((error: { code: string }) => error.code);
    if (typeof found === 'string') {
      expect(found).toBe('ENXIO');
      break;
    }
    data.push(found);
    at = await file.seekHole(found);
    if (at >= size) break;
  }
  // Bricks keep whole blocks of their file systems: data begin where one of those does, at the latest where they are.
  for (const mark of marks) expect(data.some((found) => found <= mark && mark - found < 65_536)).toBe(true);
  expect(data.length).toBeLessThanOrEqual(6);
  const gfid = await gfidOf('sparse');
  await volume.unlink('/sparse');
  await file.close();
  await noBlocksOf(gfid);
});

test('what belongs to the sharding is out of reach', async () => {
  expect(await volume.readdir('/')).not.toContain('.shard');
  await expect(volume.readdir('/.shard')).rejects.toMatchObject({ code: 'EPERM' });
  await volume.writeFile('/kept', Buffer.alloc(BLOCK + 1));
  const attributes = await volume.listxattr('/kept');
  expect(attributes.filter((name) => name.includes('shard'))).toEqual([]);
});

test('a client that goes leaves no lock', async () => {
  await volume.writeFile('/locked', 'x');
  const gfid = await gfidOf('locked');
  const brick = sharded.bricks.find(({ path }) => existsSync(join(path, 'locked')))!;
  const locks = async () => (await brickState(brick)).locks.filter((lock) => lock.gfid === gfid);
  // Bricks tell the locks of open files only.
  await using _watched = await volume.open('/locked', 'r');
  const second = await connect(sharded.url);
  const file = await second.open('/locked', 'a');
  // It is given back after a second without use, and a statedump may take longer: seen while it is in use.
  let seen = false;
  const held = waitUntil(async () => (await locks()).map(({ domain, type }) => [domain, type])[0], {
    what: 'the lock of the size',
  }).finally(() => {
    seen = true;
  });
  while (!seen) await file.write('y');
  expect(await held).toEqual(['sharded-shard.size', 'WRITE']);
  await second.close();
  expect(await locks()).toEqual([]);
  await truncate(mount.at('locked'), 0);
  await sameForBoth('locked');
});

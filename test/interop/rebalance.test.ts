import { lstatSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type File, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { BlockOracle } from '../helpers/blocks.ts';
import { nothingIsLeft } from '../helpers/left-over.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import type { Brick, TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';
import { readXattrs, readXattrsOf } from '../helpers/xattr.ts';

const FILES = 40;
const BLOCKS = 48;
/** Files that are written to without a pause, and big enough to be so while they are copied. */
const HOT_FILES = 12;
const HOT_BLOCKS = 1024;
const PROTECT = 'trusted.glusterfs.protect.writes';

/** A file that is open and written to. */
interface Written {
  readonly name: string;
  readonly blocks: number;
  readonly file: File;
  readonly oracle: BlockOracle;
}

/** Which brick has the data of each file of a directory; linkto files don't count. */
function holders(bricks: readonly Brick[], directory = ''): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path } of bricks) {
    for (const name of readdirSync(join(path, directory))) {
      const stat = lstatSync(join(path, directory, name), { throwIfNoEntry: false });
      if (!stat?.isFile() || (stat.mode & 0o7777) === 0o1000) continue;
      found.set(name, [...(found.get(name) ?? []), path]);
    }
  }
  return found;
}

/** Writes numbered blocks to all files in turn, until told to stop; every error is remembered. */
class Writers {
  readonly errors: { name: string; error: unknown }[] = [];
  written = 0;
  private stopped = false;
  private readonly workers: Promise<void>[];

  constructor(
    private readonly all: readonly Written[],
    /** Milliseconds between two writes of one worker. */
    private readonly pause: number,
    workers = 4,
  ) {
    this.workers = Array.from({ length: workers }, (_, index) => this.work(index, workers));
  }

  private async work(index: number, step: number): Promise<void> {
    // A worker has files of its own: the order of acknowledgements is the order of writes.
    const mine = this.all.filter((_, at) => at % step === index);
    for (let round = 0; !this.stopped; round++) {
      const { name, blocks, file, oracle } = mine[round % mine.length]!;
      const block = (round * 31) % blocks;
      const { generation, data, offset } = oracle.issue(block);
      try {
        await file.pwrite(data, offset);
        oracle.acknowledge(block, generation);
        this.written++;
        const { buffer } = await file.pread(data.length, offset);
        if (!data.equals(buffer)) throw new Error(`block ${block} was read back as it was before`);
      } catch (error) {
        this.errors.push({ name, error });
      }
      await new Promise((resolve) => setTimeout(resolve, this.pause));
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.workers);
  }
}

describe('files that are moved while they are open', () => {
  const pool = attachPool();
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;
  const calm: Written[] = [];
  const hot: Written[] = [];
  let all: Written[];

  async function makeFile(name: string, blocks: number, number: number): Promise<Written> {
    const oracle = new BlockOracle(number);
    const file = await client.open(`/${name}`, 'w+');
    let next = 0;
    const fill = async (): Promise<void> => {
      while (next < blocks) {
        const { block, data, offset, generation } = oracle.issue(next++);
        await file.pwrite(data, offset);
        oracle.acknowledge(block, generation);
      }
    };
    await Promise.all(Array.from({ length: 16 }, fill));
    return { name, blocks, file, oracle };
  }

  beforeAll(async () => {
    volume = await pool.createVolume('moving', { bricks: 2 });
    client = await connect(volume.url);
    for (let index = 0; index < FILES; index++) calm.push(await makeFile(`calm-${index}`, BLOCKS, index + 1));
    for (let index = 0; index < HOT_FILES; index++)
      hot.push(await makeFile(`hot ${(index + 1) ** 2}`, HOT_BLOCKS, FILES + index + 1));
    all = [...calm, ...hot];
  });

  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  async function expectAllWhole(): Promise<void> {
    for (const { name, oracle } of all) {
      expect({ name, violations: await oracle.verify(mount.at(name)) }).toEqual({ name, violations: [] });
    }
  }

  /** Names of files whose data are on another brick than `before`. */
  function moved(before: Map<string, string[]>): string[] {
    const now = holders(volume.bricks);
    for (const [name, places] of now)
      expect({ name, places }).toEqual({ name, places: [expect.any(String)] });
    return [...now].filter(([name, [place]]) => before.get(name)![0] !== place).map(([name]) => name);
  }

  /** Lets `during` happen under both kinds of writers, and returns how many files have come to another brick. */
  async function underWriters(during: () => Promise<unknown>): Promise<number> {
    const before = holders(volume.bricks);
    expect(before.size).toBe(all.length);
    const writers = [new Writers(calm, 8), new Writers(hot, 0, HOT_FILES)];
    try {
      await during();
    } finally {
      for (const each of writers) await each.stop();
    }
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
    await expectAllWhole();
    return moved(before).length;
  }

  test('add-brick and rebalance under writers lose nothing', async () => {
    mount = await mountVolume(pool, { volume: volume.name });
    const count = await underWriters(async () => {
      await volume.addBrick({ bricks: 1 });
      await waitUntil(() => client.volfile().includes('moving-client-2'), {
        what: 'the graph of three bricks',
      });
      await volume.startRebalance('force');
      const { failures } = await volume.waitRebalance();
      // Writes to a file under copy were seen by the rebalance: it gave the file back.
      expect(failures).toBeGreaterThan(0);
    });
    expect(count).toBeGreaterThanOrEqual(3);
  });

  test('a second rebalance moves what the first gave back, and open files follow', async () => {
    const before = holders(volume.bricks);
    await volume.startRebalance('force');
    await volume.waitRebalance();
    const names = moved(before);
    expect(names.some((name) => name.startsWith('hot'))).toBe(true);
    for (const { file, oracle } of all) {
      const { data, generation, offset } = oracle.issue(0);
      await file.pwrite(data, offset);
      oracle.acknowledge(0, generation);
      for (const block of [1, 2]) {
        const { buffer } = await file.pread(data.length, block * data.length);
        expect(oracle.judge(block, buffer)).toBeUndefined();
      }
    }
    await expectAllWhole();
  });

  test('a brick is emptied under writers: files come back to where they were opened', async () => {
    const count = await underWriters(async () => {
      await volume.removeBrick([2], 'start');
      await waitUntil(async () => /completed|failed/.test((await volume.removeBrickStatus([2])).status), {
        what: 'the brick to be emptied',
        timeoutMs: 60_000,
        everyMs: 200,
      });
    });
    expect(count).toBeGreaterThanOrEqual(3);
    await volume.removeBrick([2], 'stop');
  });

  test('leave no guard, no mark and, once closed, no fd and no lock on any brick', async () => {
    for (const { file } of all) await file.close();
    expect(client.volfile()).toContain('moving-client-2');
    await nothingIsLeft(volume);
    const paths = [...holders(volume.bricks)].flatMap(([name, places]) =>
      places.map((place) => join(place, name)),
    );
    for (const [path, xattrs] of await readXattrsOf(paths)) {
      const mode = lstatSync(path).mode & 0o7777;
      expect({ path, mode, guarded: xattrs.has(PROTECT) }).toEqual({ path, mode: 0o644, guarded: false });
    }
  });
});

describe('a big file while it is being copied', () => {
  const pool = attachPool();
  const MIB = 1 << 20;
  const SIZE = 192;
  const NAME = 'big 6';
  let volume: TestVolume;

  beforeAll(async () => {
    volume = await pool.createVolume('copying', { bricks: 2 });
  });

  afterAll(() => volume?.delete());

  const modes = (): number[] =>
    volume.bricks.flatMap(({ path }) => {
      const stat = lstatSync(join(path, NAME), { throwIfNoEntry: false });
      return stat === undefined ? [] : [stat.mode & 0o7777];
    });

  test('takes changes of every kind, and none is lost by the end of the copy', async () => {
    await using client = await connect(volume.url);
    await using file = await client.open(`/${NAME}`, 'w+');
    const letter = (mebibyte: number): number => 65 + (mebibyte % 26);
    for (let at = 0; at < SIZE; at++) await file.pwrite(Buffer.alloc(MIB, letter(at)), at * MIB);
    await volume.addBrick({ bricks: 1 });
    await waitUntil(() => client.volfile().includes('copying-client-2'), { what: 'the new graph' });
    await volume.startRebalance('force');
    await waitUntil(() => modes().some((mode) => (mode & 0o3000) === 0o3000), {
      what: 'the copy to begin',
      timeoutMs: 30_000,
      everyMs: 1,
    });
    const size = 100 * MIB + 17;
    await Promise.all([
      file.truncate(size),
      file.zerofill(5 * MIB, 4096),
      file.pwrite('new', 7 * MIB),
      file.setxattr('user.note', Buffer.from('yes')),
      client.chmod(`/${NAME}`, 0o600),
    ]);
    // The mover saw it all, and gave the file back.
    const { failures } = await volume.waitRebalance();
    expect(failures).toBe(1);
    // The mover takes its marks off after it has counted the failure.
    await waitUntil(() => modes().includes(0o600) && modes().includes(0o1000), {
      what: 'the marks of the copy to go',
    });
    await using mount = await mountVolume(pool, { volume: volume.name });
    const content = readFileSync(mount.at(NAME));
    expect(content.length).toBe(size);
    const expected = Buffer.concat(
      Array.from({ length: 101 }, (_, at) => Buffer.alloc(MIB, letter(at))),
    ).subarray(0, size);
    expected.fill(0, 5 * MIB, 5 * MIB + 4096);
    expected.write('new', 7 * MIB);
    expect(content.equals(expected)).toBe(true);
    expect((await readXattrs(mount.at(NAME))).get('user.note')?.toString()).toBe('yes');
    // And nothing stands in the way of moving it now.
    await volume.startRebalance('force');
    expect((await volume.waitRebalance()).files).toBe(1);
    expect(readFileSync(mount.at(NAME)).equals(expected)).toBe(true);
    const { buffer } = await file.pread(3, 7 * MIB);
    expect(Buffer.from(buffer).toString()).toBe('new');
  });
});

describe('a volume of three bricks', () => {
  const pool = attachPool();
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume('three', { bricks: 3 });
    mount = await mountVolume(pool, { volume: volume.name });
    client = await connect(volume.url);
  });

  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  test('lists a directory of 5,000 entries whole, as FUSE does', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => `entry ${index} ${(index * 2654435761) % 4096}`);
    await client.mkdir('/many');
    const queue = [...names];
    const make = async (): Promise<void> => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        if (name.startsWith('entry 11')) await client.mkdir(`/many/${name}`);
        else await (await client.open(`/many/${name}`, 'w')).close();
      }
    };
    await Promise.all(Array.from({ length: 32 }, make));
    const listed = await client.readdir('/many');
    expect(listed.sort()).toEqual([...names].sort());
    expect(readdirSync(mount.at('many')).sort()).toEqual([...names].sort());
    for (const { path } of volume.bricks) expect(readdirSync(join(path, 'many')).length).toBeLessThan(5000);
  });

  test('has the size that a FUSE mount shows', async () => {
    const [ours, theirs] = [await client.statfs('/'), statfsSync(mount.path)];
    expect(Number(ours.blocks) * Number(ours.frsize)).toBe(theirs.blocks * theirs.bsize);
    expect(Number(ours.files)).toBe(theirs.files);
    // Others write to the same disk.
    const free = Number(ours.bavail) * Number(ours.frsize);
    expect(Math.abs(free - theirs.bavail * theirs.bsize)).toBeLessThan(256 << 20);
  });

  test('keeps directories’ owners, modes and attributes equal on all bricks', async () => {
    await client.mkdir('/shared');
    await client.chmod('/shared', 0o2750);
    await client.chown('/shared', 1234, 4321);
    await client.setxattr('/shared', 'user.note', Buffer.from('same'));
    const paths = volume.bricks.map(({ path }) => join(path, 'shared'));
    const xattrs = await readXattrsOf(paths);
    for (const path of paths) {
      const { mode, uid, gid } = lstatSync(path);
      expect({ path, mode: mode & 0o7777, uid, gid }).toEqual({ path, mode: 0o2750, uid: 1234, gid: 4321 });
      expect(xattrs.get(path)?.get('user.note')?.toString()).toBe('same');
    }
    const counters = paths.flatMap((path) => xattrs.get(path)?.get('trusted.glusterfs.dht.mds') ?? []);
    expect(counters.map((bytes) => bytes.readInt32BE())).toEqual([0]);
    await client.removexattr('/shared', 'user.note');
    for (const found of (await readXattrsOf(paths)).values()) expect(found.has('user.note')).toBe(false);
  });
});

import { chmod, type FileHandle, open, readFile, rename, stat, truncate } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect, type File, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { BlockOracle } from '../helpers/blocks.ts';
import { differencesOfBricks } from '../helpers/bricks-identical.ts';
import { healAll } from '../helpers/chaos/healer.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { run } from '../helpers/processes.ts';
import { noticed, plainVolume, upForMount, upForVolume } from '../helpers/replicate-story/both.ts';
import { type BrickLock, brickState } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/*
 * Locks that are kept after a write stay for a minute here, longer than any test may take: who gets past one of them has been
 * let past by who held it, and not by time. GlusterFS's own client takes no notice of the bricks' word that somebody waits
 * (version 10 knows it for thin arbiters only): it lets go where a reply to its next call under the lock counts more locks
 * than its own, and when it closes the file.
 */
const KEPT = '60';
const LIMIT = 30_000;
const pool = attachPool();

/** What a volume, a mount of it and a client of glfs have in common in all stories. */
interface Scene {
  readonly volume: TestVolume;
  readonly mount: Mount;
  readonly client: Volume;
}

async function startScene(name: string, options: Record<string, string>): Promise<Scene> {
  const volume = await pool.createVolume(name, {
    type: 'replica 3',
    bricks: 3,
    options: { ...plainVolume, 'cluster.post-op-delay-secs': KEPT, ...options },
  });
  const mount = await mountVolume(pool, { volume: volume.name });
  return { volume, mount, client: await connect(volume.url, { entryTimeout: 0 }) };
}

async function endScene(scene: Scene | undefined): Promise<void> {
  await scene?.client.close();
  await scene?.mount.unmount();
  await scene?.volume.delete();
}

/** Locks of a file on a brick; those of writes have the set's own domain. */
async function locksOn({ volume, client }: Scene, brick: number, name: string): Promise<BrickLock[]> {
  const { locks } = await brickState(volume.brick(brick));
  // A brick that has been restarted does not know the path of what was opened by its gfid.
  const { gfid } = await client.stat(`/${name}`);
  return locks.filter((lock) => lock.gfid === gfid);
}

/** The owner of the lock that a write has left on all bricks. @throws where there is none, or more than one. */
async function keeper(scene: Scene, name: string): Promise<string> {
  const domain = `${scene.volume.name}-replicate-0`;
  const bricks = await Promise.all(scene.volume.bricks.map((_, brick) => locksOn(scene, brick, name)));
  const kept = bricks.map((locks) => locks.filter((lock) => lock.kind === 'inode' && lock.domain === domain));
  expect(kept.map((locks) => locks.map(({ granted }) => granted))).toEqual([[true], [true], [true]]);
  const clients = new Set(kept.flatMap((locks) => locks.map(({ owner }) => owner)));
  expect(clients.size).toBe(1);
  return [...clients][0]!;
}

async function expectIdentical({ volume }: Scene): Promise<void> {
  const directories = volume.bricks.map(({ path }) => path);
  await healAll(await connect(volume.url), directories);
  expect(differencesOfBricks(directories, { mtimes: false })).toEqual([]);
}

/** Writes numbered blocks in turn, one after the other, until it is stopped; keeps the errors that it got. */
class Stream {
  readonly errors: unknown[] = [];
  written = 0;
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly file: File,
    private readonly oracle: BlockOracle,
  ) {
    this.running = this.run();
  }

  private async run(): Promise<void> {
    for (let block = 0; !this.stopped; block = (block + 1) % 50) {
      const { generation, offset, data } = this.oracle.issue(block);
      try {
        await this.file.pwrite(data, offset);
        this.oracle.acknowledge(block, generation);
        this.written++;
      } catch (error) {
        this.errors.push(error);
      }
    }
  }

  /** Resolves when so many more have been written. */
  async more(count: number): Promise<void> {
    const goal = this.written + count;
    await waitUntil(() => this.written >= goal, { what: `${count} more writes`, timeoutMs: LIMIT });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }
}

describe('locks that are kept', () => {
  let scene: Scene;
  let file: File;
  beforeAll(async () => {
    scene = await startScene('contention', {});
  });
  // A new one each time: a lock that another client has wanted is not kept for a while.
  beforeEach(async () => {
    file = await scene.client.open('/file', 'w+');
  });
  afterEach(async () => {
    await file.close();
    await scene.client.unlink('/file');
  });
  afterAll(() => endScene(scene));

  test.each<[string, (mount: Mount, theirs: FileHandle) => Promise<unknown>]>([
    ['write', (_, theirs) => theirs.write('fuse', 100)],
    ['truncate', (mount) => truncate(mount.at('file'), 104)],
  ])("glfs gives up its lock, told by the bricks, for a mount's %s", { timeout: LIMIT }, async (_, act) => {
    await using theirs = await open(scene.mount.at('file'), 'r+');
    await file.pwrite('glfs', 0);
    const ours = await keeper(scene, 'file');
    await act(scene.mount, theirs);
    const left = (await locksOn(scene, 0, 'file')).map(({ owner }) => owner);
    expect(left).not.toContain(ours);
  });

  test("a mount's chmod and rename get through, and glfs goes on with the file", {
    timeout: LIMIT,
  }, async () => {
    await file.pwrite('glfs', 0);
    await keeper(scene, 'file');
    await chmod(scene.mount.at('file'), 0o600);
    await rename(scene.mount.at('file'), scene.mount.at('renamed'));
    await file.pwrite('more', 4);
    expect((await readFile(scene.mount.at('renamed'))).subarray(0, 8).toString()).toBe('glfsmore');
    await scene.client.rename('/renamed', '/file');
    expect((await stat(scene.mount.at('file'))).mode & 0o777).toBe(0o600);
  });

  test('a mount gives up its lock for glfs at its next write', { timeout: LIMIT }, async () => {
    await using theirs = await open(scene.mount.at('file'), 'r+');
    await theirs.write('mount', 200);
    const held = await keeper(scene, 'file');
    const writing = file.pwrite('glfs', 300);
    await waitUntil(async () => (await locksOn(scene, 0, 'file')).some(({ granted }) => !granted), {
      what: 'glfs to wait',
    });
    await theirs.write('mount', 400);
    await writing;
    expect(await keeper(scene, 'file')).not.toBe(held);
    await scene.client.chmod('/file', 0o640);
    const bytes = await scene.client.readFile('/file');
    expect([200, 300, 400].map((at) => bytes.toString('latin1', at, at + 4))).toEqual([
      'moun',
      'glfs',
      'moun',
    ]);
    expect((await readFile(scene.mount.at('file'))).equals(bytes)).toBe(true);
    await theirs.close();
    await expectIdentical(scene);
  });
});

describe('bricks that tell nobody who waits', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene('contention-untold', {
      'features.locks-notify-contention': 'off',
      'network.ping-timeout': '2',
    });
  });
  afterAll(() => endScene(scene));
  const views = () => [() => upForMount(scene.mount, scene.volume), () => upForVolume(scene.client)];

  test('a stream of writes sees by the counts in replies that a mount waits', {
    timeout: LIMIT,
  }, async () => {
    const oracle = new BlockOracle(1);
    const file = await scene.client.open('/stream', 'w+');
    await using theirs = await open(scene.mount.at('stream'), 'r+');
    const stream = new Stream(file, oracle);
    await stream.more(10);
    for (let block = 100; block < 105; block++) {
      const before = stream.written;
      // The mount keeps its lock as well, until the reply to a write tells it that glfs waits.
      await waitUntil(
        async () => {
          const { data, offset, generation } = oracle.issue(block);
          await theirs.write(data, 0, data.length, offset);
          oracle.acknowledge(block, generation);
          return stream.written > before;
        },
        { what: 'the stream to go on', timeoutMs: LIMIT },
      );
    }
    // The last write of the stream may wait for the mount's lock.
    await theirs.close();
    await stream.stop();
    expect(stream.errors).toEqual([]);
    await file.close();
    expect(await oracle.verify(scene.mount.at('stream'))).toEqual([]);
  });

  test('options change in the midst of a stream, while a brick is down', { timeout: LIMIT }, async () => {
    const oracle = new BlockOracle(2);
    const { volume, client, mount } = scene;
    const file = await client.open('/switched', 'w+');
    const stream = new Stream(file, oracle);
    await stream.more(50);
    await volume.killBrick(1);
    await noticed([true, false, true], ...views());
    await stream.more(50);
    const before = client.volfile();
    await volume.setAll({ 'cluster.data-self-heal-algorithm': 'full', 'cluster.ensure-durability': 'off' });
    await waitUntil(() => client.volfile() !== before, { what: 'the switch' });
    await stream.more(50);
    expect(upForVolume(client)).toEqual([true, false, true]);
    await volume.restartBrick(1);
    await noticed([true, true, true], ...views());
    await stream.more(50);
    await stream.stop();
    expect(stream.errors).toEqual([]);
    await file.close();
    expect(await oracle.verify(mount.at('switched'))).toEqual([]);
    await expectIdentical(scene);
    expect(await oracle.verify(volume.brick(1).path.concat('/switched'))).toEqual([]);
  });

  test('a brick hangs in the midst of a stream, and wakes again', { timeout: LIMIT }, async () => {
    const oracle = new BlockOracle(3);
    const { volume, client, mount } = scene;
    const file = await client.open('/frozen', 'w+');
    const stream = new Stream(file, oracle);
    await stream.more(50);
    await volume.stopBrick(1);
    try {
      // GlusterFS's client looks after a brick only while it waits for one.
      await stat(mount.at('frozen'));
      await noticed([true, false, true], ...views());
      await stream.more(50);
    } finally {
      volume.contBrick(1);
    }
    await noticed([true, true, true], ...views());
    await stream.more(50);
    await stream.stop();
    expect(stream.errors).toEqual([]);
    await file.close();
    expect(await oracle.verify(mount.at('frozen'))).toEqual([]);
    await expectIdentical(scene);
    for (const { path } of volume.bricks) expect(await oracle.verify(`${path}/frozen`)).toEqual([]);
  });

  test('a lock taken while a brick is down is on it when it is back', { timeout: LIMIT }, async () => {
    const { volume, client, mount } = scene;
    const file = await client.open('/locked', 'w+');
    await volume.killBrick(1);
    await noticed([true, false, true], ...views());
    const lock = await file.lock('write', { start: 10, length: 20 });
    await volume.restartBrick(1);
    await noticed([true, true, true], ...views());
    const held = async (brick: number) =>
      (await locksOn(scene, brick, 'locked')).filter(({ kind }) => kind === 'posix');
    const locks = await waitUntil(async () => (await held(1)).length > 0 && held(1), {
      what: 'the lock on the brick that is back',
    });
    expect(locks).toMatchObject([{ granted: true, type: 'WRITE', start: 10, length: 20 }]);
    expect(locks[0]!.owner).toBe((await held(0))[0]!.owner);
    expect(await tryLock(mount.at('locked'), 25, 5)).toBe('refused');
    expect(await tryLock(mount.at('locked'), 30, 5)).toBe('granted');
    await lock[Symbol.asyncDispose]();
    expect(await tryLock(mount.at('locked'), 25, 5)).toBe('granted');
    expect(await held(1)).toEqual([]);
    await file.close();
  });
});

/** Asks through a mount for fcntl's lock of a range, and gives it back. */
async function tryLock(path: string, start: number, length: number): Promise<string> {
  const script = `use Fcntl; open(F, '+<', $ARGV[0]) or die;
    my $lock = pack('s s x4 q q i x4', F_WRLCK, 0, $ARGV[1], $ARGV[2], 0);
    print(fcntl(F, F_SETLK, $lock) ? 'granted' : $!{EAGAIN} || $!{EACCES} ? 'refused' : "$!")`;
  return (await run('perl', ['-MErrno', '-e', script, path, String(start), String(length)])).stdout;
}

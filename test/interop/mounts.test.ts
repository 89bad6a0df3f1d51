import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { ClusterProxy } from '../helpers/cluster-proxy.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { brickState, openFiles } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';
import { readXattr } from '../helpers/xattr.ts';

const pool = attachPool();
const FILE_PROGRAM = 1_298_437;
const READ = 12;
const WRITE = 13;
const COPY_FILE_RANGE = 56;

async function nothingOfOursIsLeft(volume: TestVolume): Promise<void> {
  for (const brick of volume.bricks) {
    const { locks } = await brickState(brick, 'CTX_ID');
    expect(locks.filter((lock) => lock.client.includes('glfs'))).toEqual([]);
    await waitUntil(() => openFiles(brick).length === 0, { what: `no open files on ${brick.path}` });
  }
}

function clientStates(client: Volume): Record<string, unknown>[] {
  const translators = client.statedump().translators as Record<string, Record<string, unknown>>;
  return Object.values(translators).filter((state) => state.type === 'protocol/client');
}

describe('a volume that is connected to in special ways', () => {
  let volume: TestVolume;
  let mount: Mount;

  beforeAll(async () => {
    volume = await pool.createVolume('mounts', { bricks: 2, nodes: [0, 1] });
    mount = await mountVolume(pool, { volume: volume.name });
  });

  afterAll(async () => {
    await mount?.unmount();
    await volume?.delete();
  });

  test('a subdirectory is the root: what is written there a mount of the whole sees below it', async () => {
    await mkdir(mount.at('home/user'), { recursive: true });
    await writeFile(mount.at('home/user/theirs'), 'theirs');
    await writeFile(mount.at('outside'), 'outside');
    await using client = await connect(`${volume.url}/home/user`);
    expect(await client.readdir('/')).toEqual(['theirs']);
    expect(await client.readFile('/theirs', { encoding: 'utf8' })).toBe('theirs');
    for (const way of ['/outside', '/../outside', '/../../outside']) {
      expect(await client.exists(way)).toBe(false);
    }
    await client.mkdir('/made/deep', { recursive: true });
    for (let index = 0; index < 10; index++) await client.writeFile(`/made/deep/${index}`, `ours ${index}`);
    await client.rename('/made/deep/0', '/moved');
    expect((await readdir(mount.at('home/user'))).sort()).toEqual(['made', 'moved', 'theirs']);
    expect(await readFile(mount.at('home/user/moved'), 'utf8')).toBe('ours 0');
    for (let index = 1; index < 10; index++)
      expect(await readFile(mount.at(`home/user/made/deep/${index}`), 'utf8')).toBe(`ours ${index}`);
    expect((await client.stat('/')).isDirectory()).toBe(true);
    expect((await readdir(mount.at())).sort()).toEqual(['home', 'outside']);
    await using whole = await connect(volume.url);
    expect(await whole.readFile('/home/user/moved', { encoding: 'utf8' })).toBe('ours 0');
    await nothingOfOursIsLeft(volume);
  });

  test('a subdirectory that does not exist is ENOENT, and named', async () => {
    const start = performance.now();
    const error = await connect(`${volume.url}/no/such-directory`).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ENOENT' });
    expect((error as Error).message).toContain('no/such-directory');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('the file program of GlusterFS 3.3 does all that a file needs', async () => {
    await using client = await connect(volume.url, {
      translatorOptions: { '*-client-*.program-version': '330' },
    });
    expect(clientStates(client).map((state) => state.program)).toEqual([330, 330]);
    const bytes = randomBytes(3_000_001);
    await client.mkdir('/old/sub', { recursive: true });
    await client.writeFile('/old/a', bytes);
    expect((await client.readFile('/old/a')).equals(bytes)).toBe(true);
    expect((await readFile(mount.at('old/a'))).equals(bytes)).toBe(true);
    await client.rename('/old/a', '/old/sub/b');
    await client.chmod('/old/sub/b', 0o640);
    const seen = await stat(mount.at('old/sub/b'));
    const ours = await client.stat('/old/sub/b');
    expect([seen.size, seen.mode, seen.mtimeMs]).toEqual([ours.size, ours.mode, ours.mtimeMs]);
    await client.setxattr('/old/sub/b', 'user.kind', 'old');
    expect((await client.getxattr('/old/sub/b', 'user.kind')).toString()).toBe('old');
    expect(await client.listxattr('/old/sub/b')).toContain('user.kind');
    expect((await readXattr(mount.at('old/sub/b'), 'user.kind'))?.toString()).toBe('old');
    await client.symlink('sub/b', '/old/link');
    expect(await client.readlink('/old/link')).toBe('sub/b');
    await client.link('/old/sub/b', '/old/twin');
    expect((await stat(mount.at('old/twin'))).nlink).toBe(2);
    for (let index = 0; index < 200; index++) await client.writeFile(`/old/sub/n${index}`, `${index}`);
    expect((await client.readdir('/old/sub')).sort()).toEqual((await readdir(mount.at('old/sub'))).sort());
    const plus = await client.readdirPlus('/old/sub');
    expect(plus).toHaveLength(201);
    {
      await using file = await client.open('/old/sub/b', 'r+');
      await using other = await connect(volume.url);
      await using view = await other.open('/old/sub/b', 'r+');
      const lock = await file.lock('write', { start: 5, length: 10 });
      expect(await view.getLock('read', { start: 0, length: 100 })).toMatchObject({
        type: 'write',
        start: 5n,
        length: 10n,
      });
      await expect(view.lock('write', { start: 0, length: 100, wait: false })).rejects.toMatchObject({
        code: 'EAGAIN',
      });
      await lock[Symbol.asyncDispose]();
      expect(await view.getLock('read', { start: 0, length: 100 })).toBeUndefined();
      await file.truncate(1000);
      await file.pwrite('the end', 993);
      await file.sync();
    }
    const after = await readFile(mount.at('old/sub/b'));
    expect(after).toHaveLength(1000);
    expect(after.subarray(0, 993).equals(bytes.subarray(0, 993))).toBe(true);
    expect(after.subarray(993).toString()).toBe('the end');
    expect((await client.statfs('/')).blocks).toBeGreaterThan(0);
    await expect(client.readFile('/old/none')).rejects.toMatchObject({ code: 'ENOENT' });
    await client.unlink('/old/twin');
    expect((await stat(mount.at('old/sub/b'))).nlink).toBe(1);
    await client.rm('/old', { recursive: true });
    expect(await readdir(mount.at())).not.toContain('old');
    await nothingOfOursIsLeft(volume);
  });

  test('privileged ports are used where they are asked for, and let in where nothing else is', async () => {
    const others = await clientPorts();
    const ours = async () => (await clientPorts()).filter((port) => !others.includes(port));
    {
      await using client = await connect(volume.url);
      await client.writeFile('/ports', 'any');
      const ports = await waitUntil(async () => (await ours()).length >= 2 && ours(), {
        what: 'the client to be listed',
      });
      for (const port of ports) expect(port).toBeGreaterThanOrEqual(1024);
    }
    await waitUntil(async () => (await ours()).length === 0, { what: 'the client to be gone' });
    await using client = await connect(volume.url, { privilegedPort: true });
    await client.writeFile('/ports', 'privileged');
    const ports = await waitUntil(async () => (await ours()).length >= 2 && ours(), {
      what: 'the client to be listed',
    });
    for (const port of ports) expect(port).toBeLessThan(1024);
    expect(await readFile(mount.at('ports'), 'utf8')).toBe('privileged');
    await using strict = await pool.createVolume('mounts-strict', {
      bricks: 1,
      nodes: [0],
      options: { 'server.allow-insecure': 'off' },
    });
    await expect(connect(strict.url)).rejects.toMatchObject({
      code: 'EACCES',
      message: expect.stringContaining('privilegedPort') as string,
    });
    await using allowed = await connect(strict.url, { privilegedPort: true });
    await allowed.writeFile('/allowed', 'yes');
    expect(await allowed.readFile('/allowed', { encoding: 'utf8' })).toBe('yes');
  });

  /** Ports that the bricks' clients come from. */
  async function clientPorts(): Promise<number[]> {
    const xml = await volume.cli('status', volume.name, 'clients', '--xml');
    return [...xml.matchAll(/<hostname>[^<]*:(\d+)<\/hostname>/g)].map((match) => Number(match[1]));
  }

  test('a range is copied by the brick: its bytes do not travel', async () => {
    await using single = await pool.createVolume('mounts-copy', { bricks: 1, nodes: [0] });
    await using seen = await mountVolume(pool, { volume: single.name });
    await using cluster = await ClusterProxy.start(pool, '127.1.122');
    const bytes = randomBytes(5_000_000);
    {
      await using client = await connect(`gluster://${cluster.hosts.join(',')}/${single.name}`);
      await client.writeFile('/source', bytes);
      await using source = await client.open('/source', 'r');
      await using target = await client.open('/target', 'w+');
      const proxy = await cluster.brick(single.brick(0));
      if (proxy === undefined) throw new Error('the client did not come through the proxy');
      const count = (procedure: number) => proxy.count('toServer', FILE_PROGRAM, procedure);
      const before = [count(READ), count(WRITE)];
      expect(await source.copyFileRange(target, { offset: 1000, targetOffset: 17, length: 4_000_000 })).toBe(
        4_000_000,
      );
      expect(count(COPY_FILE_RANGE)).toBe(1);
      expect([count(READ), count(WRITE)]).toEqual(before);
    }
    const copied = await readFile(seen.at('target'));
    expect(copied).toHaveLength(4_000_017);
    expect(copied.subarray(0, 17).equals(Buffer.alloc(17))).toBe(true);
    expect(copied.subarray(17).equals(bytes.subarray(1000, 4_001_000))).toBe(true);
    // A bug of GlusterFS: bricks keep the target of a COPY_FILE_RANGE open until their process ends.
    await waitUntil(() => openFiles(single.brick(0)).every((path) => path === 'target'), {
      what: 'nothing else to be open',
    });
    expect((await brickState(single.brick(0))).locks).toEqual([]);
  });
});

describe('bricks that stop for a while', () => {
  let volume: TestVolume;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume('mounts-frozen', {
      bricks: 1,
      nodes: [0],
      options: { 'network.ping-timeout': '2' },
    });
    client = await connect(volume.url);
  });

  afterAll(async () => {
    await client?.close();
    await volume?.delete();
  });

  test('a brick frozen for less than the ping timeout is only late', async () => {
    await client.writeFile('/late', 'late');
    const { server } = clientStates(client)[0]!;
    await volume.stopBrick(0);
    let woken = false;
    const read = client.readFile('/late', { encoding: 'utf8' }).then((text) => ({ text, woken }));
    await waitUntil(() => (clientStates(client)[0]?.calls as number) > 0, { what: 'a call under way' });
    woken = true;
    volume.contBrick(0);
    expect(await read).toEqual({ text: 'late', woken: true });
    expect(clientStates(client)[0]).toMatchObject({ connected: true, server });
  });

  test('a brick frozen for longer loses its connection, and reads under way go on once it is back', async () => {
    const bytes = randomBytes(2_000_000);
    await client.writeFile('/frozen', bytes);
    await using file = await client.open('/frozen', 'r');
    const start = performance.now();
    await volume.stopBrick(0);
    let woken = false;
    const reads = Array.from({ length: 8 }, async (_, index) => {
      const { buffer } = await file.pread(200_000, index * 200_000);
      return { buffer, woken };
    });
    try {
      await waitUntil(() => clientStates(client)[0]?.connected === false, {
        what: 'the ping timeout',
        timeoutMs: 20_000,
      });
    } finally {
      woken = true;
      volume.contBrick(0);
    }
    expect(performance.now() - start).toBeGreaterThan(1500);
    for (const [index, read] of (await Promise.all(reads)).entries())
      expect(read.woken && read.buffer.equals(bytes.subarray(index * 200_000, (index + 1) * 200_000))).toBe(
        true,
      );
    expect(clientStates(client)[0]).toMatchObject({ connected: true });
  });

  test('locks are still held when the brick comes back from its death', async () => {
    const file = await client.open('/locked', 'w+');
    await file.pwrite('locked', 0);
    const lock = await file.lock('write', { start: 3, length: 30 });
    await file.lock('read', { start: 100, length: 1 });
    await volume.killBrick(0);
    await volume.restartBrick(0);
    expect((await file.stat()).size).toBe(6);
    {
      await using other = await connect(volume.url);
      await using view = await other.open('/locked', 'r+');
      expect(await view.getLock('read', { start: 0, length: 50 })).toMatchObject({
        type: 'write',
        start: 3n,
        length: 30n,
      });
      expect(await view.getLock('write', { start: 100, length: 10 })).toMatchObject({ type: 'read' });
      expect(await view.getLock('read', { start: 100, length: 10 })).toBeUndefined();
      await expect(view.lock('write', { start: 10, length: 1, wait: false })).rejects.toMatchObject({
        code: 'EAGAIN',
      });
      const { locks } = await brickState(volume.brick(0), 'CTX_ID');
      expect(locks.map(({ type, start, length, granted }) => [type, start, length, granted]).sort()).toEqual([
        ['READ', 100, 1, true],
        ['WRITE', 3, 30, true],
      ]);
      await lock[Symbol.asyncDispose]();
      expect(await view.getLock('write', { start: 0, length: 50 })).toBeUndefined();
    }
    await file.close();
    await nothingOfOursIsLeft(volume);
  });
});

describe('brick multiplexing', () => {
  test('two volumes behind one port, each with its own files', async () => {
    await pool.manager.cli(['volume', 'set', 'all', 'cluster.brick-multiplex', 'on']);
    try {
      await using first = await pool.createVolume('mounts-mux-a', { bricks: 2, nodes: [0] });
      await using second = await pool.createVolume('mounts-mux-b', { bricks: 2, nodes: [0] });
      const ports = new Set([...first.bricks, ...second.bricks].map((brick) => brick.port));
      expect(ports.size).toBe(1);
      await using seenFirst = await mountVolume(pool, { volume: first.name });
      await using seenSecond = await mountVolume(pool, { volume: second.name });
      {
        await using a = await connect(first.url);
        await using b = await connect(second.url);
        for (let index = 0; index < 20; index++) {
          await a.writeFile(`/file-${index}`, `first ${index}`);
          await b.writeFile(`/file-${index}`, `second ${index}`);
        }
        await using file = await a.open('/file-0', 'r+');
        await file.lock('write');
        await using same = await b.open('/file-0', 'r+');
        expect(await same.getLock('write')).toBeUndefined();
        await same.lock('write', { wait: false });
        for (let index = 0; index < 20; index++) {
          expect(await readFile(seenFirst.at(`file-${index}`), 'utf8')).toBe(`first ${index}`);
          expect(await readFile(seenSecond.at(`file-${index}`), 'utf8')).toBe(`second ${index}`);
        }
        // One goes, the other stays.
        await b.close();
        expect(await a.readdir('/')).toHaveLength(20);
      }
      await nothingOfOursIsLeft(first);
      await nothingOfOursIsLeft(second);
    } finally {
      await pool.manager.cli(['volume', 'reset', 'all', 'cluster.brick-multiplex']);
    }
  });
});

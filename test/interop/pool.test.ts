import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachPool } from '../helpers/attach.ts';
import { BlockOracle, blockSize } from '../helpers/blocks.ts';
import { ClusterProxy } from '../helpers/cluster-proxy.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { startPool } from '../helpers/pool.ts';
import { isAlive, mountsBelow, processesOf, run } from '../helpers/processes.ts';
import { brickState, openFiles } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';
import { readDhtLayout, readXattr, readXattrsOf, removeXattr, setXattr } from '../helpers/xattr.ts';

/** Program and procedure numbers of brick calls. */
const fops = 1_298_437;
const lookup = 27;
const write = 13;

/** Bytes that wait in the receive queues of connections to a local port. */
async function unreadBytes(port: number): Promise<number> {
  const table = await readFile('/proc/net/tcp', 'latin1');
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[1]?.endsWith(suffix) && words[3] === '01')
    .reduce((sum, words) => sum + Number.parseInt(words[4]?.split(':')[1] ?? '0', 16), 0);
}

describe('a pool of real glusterds', () => {
  const pool = attachPool();
  let volume: TestVolume;
  let mount: Mount;

  beforeAll(async () => {
    volume = await pool.createVolume('pool-smoke', { bricks: 3 });
    mount = await mountVolume(pool, { volume: volume.name });
  });

  afterAll(async () => {
    await mount?.unmount();
    await volume?.delete();
  });

  test('is one trusted pool, each glusterd on an address of its own', async () => {
    expect(pool.hosts.length).toBe(3);
    for (const index of pool.hosts.keys()) {
      const list = await pool.cli(index, 'pool', 'list', '--xml');
      expect(list.match(/<connected>1<\/connected>/g)).toHaveLength(3);
    }
    expect(new Set(volume.bricks.map((brick) => brick.host)).size).toBe(3);
    expect(new Set(volume.bricks.map((brick) => brick.pid)).size).toBe(3);
  });

  test('what a mount writes lies on the bricks, with the attributes of GlusterFS', async () => {
    await mkdir(mount.at('tree'));
    const names = Array.from({ length: 30 }, (_, index) => `file-${index}`);
    for (const name of names) await writeFile(mount.at('tree', name), name);
    const onBricks = names.map((name) => volume.bricks.filter((b) => existsSync(join(b.path, 'tree', name))));
    expect(onBricks.every((bricks) => bricks.length === 1)).toBe(true);
    const paths = names.map((name, index) => join(onBricks[index]?.[0]?.path ?? '', 'tree', name));
    const xattrs = await readXattrsOf(paths);
    for (const path of paths) expect(xattrs.get(path)?.get('trusted.gfid')).toHaveLength(16);
    const layouts = await Promise.all(volume.bricks.map((brick) => readDhtLayout(join(brick.path, 'tree'))));
    const ranges = layouts
      .map((layout) => [layout?.start ?? 0, layout?.stop ?? 0])
      .sort((a, b) => a[0]! - b[0]!);
    expect(ranges[0]?.[0]).toBe(0);
    expect(ranges[2]?.[1]).toBe(0xffffffff);
    expect(ranges[1]?.[0]).toBe((ranges[0]?.[1] ?? 0) + 1);
    expect(await readFile(mount.at('tree', 'file-7'), 'utf8')).toBe('file-7');
  });

  test('raw extended attributes can be set, read and removed', async () => {
    const path = join(volume.brick(0).path, 'tree');
    const value = Buffer.from([0, 1, 0xff, 0x5c]);
    await setXattr(path, 'trusted.test.value', value);
    expect(await readXattr(path, 'trusted.test.value')).toEqual(value);
    await removeXattr(path, 'trusted.test.value');
    expect(await readXattr(path, 'trusted.test.value')).toBeUndefined();
  });

  test('a statedump tells open fds, locks and clients; nothing is left after the close', async () => {
    const path = mount.at('locked');
    await writeFile(path, 'x'.repeat(100));
    const brick = volume.bricks.find((candidate) => existsSync(join(candidate.path, 'locked')));
    if (!brick) throw new Error('the file lies on no brick');
    // The kernel sends RELEASE after close(2) has returned.
    await waitUntil(() => openFiles(brick).length === 0, { what: 'the end of the writer' });
    const before = await brickState(brick);
    expect(before.locks).toEqual([]);
    expect(before.fds.filter((inode) => inode.activeFds > 0)).toEqual([]);

    // flock(1) takes a BSD lock over the whole file, which FUSE hands on as a POSIX lock, and holds it for us.
    const holder = spawn('flock', ['--exclusive', path, '-c', 'echo held; exec cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    const held = await brickState(brick);
    expect(held.fds.find((open) => open.path === '/locked')?.activeFds).toBe(1);
    expect(held.locks).toEqual([
      expect.objectContaining({
        kind: 'posix',
        path: '/locked',
        granted: true,
        type: 'WRITE',
        start: 0,
        length: 0,
      }),
    ]);
    const client = held.locks[0]?.client ?? '';
    expect(client).toContain(volume.name);
    expect((await brickState(brick, client)).locks).toHaveLength(1);
    expect((await brickState(brick, 'someone else')).locks).toEqual([]);
    expect(openFiles(brick)).toHaveLength(1);

    holder.stdin.end();
    await new Promise((resolve) => holder.once('exit', resolve));
    await waitUntil(async () => (await brickState(brick)).locks.length === 0, {
      what: 'the end of the lock',
    });
    await waitUntil(() => openFiles(brick).length === 0, { what: 'the end of the fd' });
  });

  test('a killed brick comes back on another port, and the mount finds it', async () => {
    const { port, pid } = volume.brick(1);
    await volume.killBrick(1);
    expect(isAlive(pid)).toBe(false);
    const fresh = await volume.restartBrick(1);
    expect(fresh).not.toBe(port);
    expect(volume.brick(1).pid).not.toBe(pid);
    await waitUntil(() => readFile(mount.at('tree', 'file-0'), 'utf8'), { what: 'the mount to be whole' });
    const names = Array.from({ length: 30 }, (_, index) => `file-${index}`);
    const read = () => Promise.all(names.map((name) => readFile(mount.at('tree', name), 'utf8')));
    expect(await waitUntil(read, { what: 'all files to be readable' })).toEqual(names);
  });

  test('a frozen brick stops answering and goes on when it is woken', async () => {
    const { port } = volume.brick(2);
    await volume.stopBrick(2);
    let answered = false;
    const status = run('stat', ['-f', mount.path]).then(() => {
      answered = true;
    });
    await waitUntil(async () => (await unreadBytes(port)) > 0, {
      what: 'a call that the brick does not read',
    });
    expect(answered).toBe(false);
    volume.contBrick(2);
    await status;
    expect(answered).toBe(true);
  });

  test('a stopped glusterd leaves its bricks running and joins again', async () => {
    const brick = volume.brick(2);
    await pool.stopGlusterd(2);
    expect(pool.node(2).pid).toBeUndefined();
    expect(isAlive(brick.pid)).toBe(true);
    await volume.refresh();
    expect(brick.port).toBeGreaterThan(0);
    await pool.startGlusterd(2);
    expect(pool.node(2).pid).toBeGreaterThan(0);
    await volume.waitOnline();
  });

  test('the block oracle accepts what was acknowledged and finds what is stale, torn or foreign', async () => {
    const oracle = new BlockOracle(7);
    const path = mount.at('blocks');
    const handle = await open(path, 'w');
    const put = async (block: number) => {
      const issued = oracle.issue(block);
      await handle.write(issued.data, 0, blockSize, issued.offset);
      oracle.acknowledge(block, issued.generation);
      return issued;
    };
    for (let block = 0; block < 100; block += 2) await put(block);
    expect(await oracle.verify(path)).toEqual([]);

    const unknown = oracle.issue(4);
    expect(await oracle.verify(path)).toEqual([]);
    await handle.write(unknown.data, 0, blockSize, unknown.offset);
    expect(await oracle.verify(path)).toEqual([]);

    const stale = await put(6);
    await put(6);
    await handle.write(stale.data, 0, blockSize, stale.offset);
    await handle.write(stale.data, 0, blockSize, 8 * blockSize);
    await handle.write(Buffer.from([1]), 0, 1, 10 * blockSize + 2000);
    await handle.write(new BlockOracle(8).issue(12).data, 0, blockSize, 12 * blockSize);
    await handle.close();
    const faults = (await oracle.verify(path)).map(({ block, found }) => [block, found.fault]);
    expect(faults).toEqual([
      [6, undefined],
      [8, 'belongs to block 6'],
      [10, 'torn: wrong checksum'],
      [12, 'belongs to file 8'],
    ]);
  });
});

describe('fault proxies before a pool', () => {
  const pool = attachPool();

  test('carry a whole client, count its calls, and delay, drop and cut them', async () => {
    await using volume = await pool.createVolume('pool-proxy', { bricks: 2, nodes: [0, 1] });
    await using cluster = await ClusterProxy.start(pool, '127.1.101');
    await using mount = await mountVolume(pool, { volume: volume.name, hosts: cluster.hosts });
    await writeFile(mount.at('a'), 'through the proxy');
    const brick = volume.bricks.find((candidate) => existsSync(join(candidate.path, 'a')));
    const proxy = brick && (await cluster.brick(brick));
    if (!brick || !proxy) throw new Error('the mount did not come through the proxy');
    expect(await readFile(join(brick.path, 'a'), 'utf8')).toBe('through the proxy');
    expect(proxy.count('toServer', fops, write)).toBe(1);
    expect(proxy.count('toClient', fops, write)).toBe(1);
    expect(proxy.count('toServer', fops, lookup)).toBeGreaterThan(0);

    // Executed by the brick, never answered: the file has it, the writer has an error.
    let cuts = 0;
    cluster.inspect = (_, head, direction) => {
      if (head.program !== fops || head.procedure !== write || direction !== 'toClient') return 'pass';
      cuts++;
      return 'cut';
    };
    await expect(writeFile(mount.at('a'), 'unanswered', { flag: 'r+' })).rejects.toThrow(/ENOTCONN|EIO/);
    expect(cuts).toBe(1);
    expect(await readFile(join(brick.path, 'a'), 'utf8')).toBe('unanswerede proxy');
    cluster.inspect = undefined;
    const again = () => readFile(mount.at('a'), 'utf8');
    expect(await waitUntil(again, { what: 'the reconnect' })).toBe('unanswerede proxy');

    proxy.delayMs.toClient = 100;
    const before = performance.now();
    expect(await again()).toBe('unanswerede proxy');
    expect(performance.now() - before).toBeGreaterThanOrEqual(100);
    proxy.delayMs.toClient = 0;

    proxy.freeze();
    let thawed = false;
    const late = again().then((text) => {
      expect(thawed).toBe(true);
      return text;
    });
    await waitUntil(() => proxy.held > 0, { what: 'a call to be held' });
    thawed = true;
    proxy.thaw();
    expect(await late).toBe('unanswerede proxy');

    const { accepted } = proxy.connections;
    proxy.cut();
    await waitUntil(() => proxy.connections.accepted > accepted, { what: 'a new connection' });
    expect(await waitUntil(again, { what: 'the reconnect' })).toBe('unanswerede proxy');
  });
});

describe('the end of a pool', () => {
  test('leaves no process, no mount and no directory', async () => {
    const pool = await startPool({ subnet: '127.1.102', count: 1 });
    await pool.createVolume('short', { bricks: 2 });
    await mountVolume(pool, { volume: 'short' });
    expect(processesOf(pool.directory).length).toBe(4);
    await pool.stop();
    expect(processesOf(pool.directory)).toEqual([]);
    expect(mountsBelow(pool.directory)).toEqual([]);
    expect(existsSync(pool.directory)).toBe(false);
  });

  test('comes by itself when the process that started it is killed', async () => {
    const module = fileURLToPath(new URL('../helpers/pool.ts', import.meta.url));
    const script = `
      const { startPool } = await import(${JSON.stringify(module)});
      const pool = await startPool({ subnet: '127.1.103', count: 1 });
      await pool.createVolume('orphan', { bricks: 1 });
      console.log(pool.directory);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const directory = String(await new Promise((resolve) => child.stdout.once('data', resolve))).trim();
    expect(processesOf(directory).length).toBe(2);
    child.kill('SIGKILL');
    await waitUntil(() => !existsSync(directory), { what: 'the directory to be gone' });
    expect(processesOf(directory)).toEqual([]);
  });
});

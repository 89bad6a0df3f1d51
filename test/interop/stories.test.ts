import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type File, Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { BlockOracle } from '../helpers/blocks.ts';
import { nothingIsLeft } from '../helpers/left-over.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

const BLOCKS = 400;

/** Writes numbered blocks at random places until told to stop; a write of unknown outcome stays open for the oracle. */
class Writer {
  written = 0;
  readonly errors: Error[] = [];
  private stopped = false;
  private readonly workers: Promise<void>[];

  constructor(
    private readonly file: File,
    readonly oracle: BlockOracle,
    workers = 8,
  ) {
    this.workers = Array.from({ length: workers }, (_, index) => this.work(index, workers));
  }

  private async work(index: number, step: number): Promise<void> {
    // Each worker has blocks of its own, so that the order of acknowledgements is the order of writes.
    for (let round = 0; !this.stopped; round++) {
      const block = (index + step * ((round * 7919) % Math.floor(BLOCKS / step))) % BLOCKS;
      const issued = this.oracle.issue(block);
      try {
        await this.file.pwrite(issued.data, issued.offset);
        this.oracle.acknowledge(block, issued.generation);
        this.written++;
      } catch (error) {
        this.errors.push(error as Error);
      }
    }
  }

  async more(count: number): Promise<void> {
    const target = this.written + count;
    await waitUntil(() => this.written >= target, {
      what: `${count} more writes`,
      timeoutMs: 30_000,
      everyMs: 5,
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.workers);
  }
}

describe('what a user goes through', () => {
  const pool = attachPool();
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume('stories', { bricks: 3 });
    mount = await mountVolume(pool, { volume: volume.name });
    client = await connect(volume.url);
  });

  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  test('a brick that dies and comes back on another port in mid-transfer: open files go on', async () => {
    const oracle = new BlockOracle(1);
    const file = await client.open('/killed', 'w+');
    const writer = new Writer(file, oracle);
    await writer.more(500);
    const holder = await brickOf('/killed');
    const before = volume.brick(holder).port;
    await volume.killBrick(holder);
    const after = await volume.restartBrick(holder);
    expect(after).not.toBe(before);
    await writer.more(500);
    await writer.stop();
    for (const error of writer.errors) {
      expect(error).toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
    }
    await file.sync();
    await file.close();
    // The kernel's client takes a while to find the brick again.
    await waitUntil(() => existsSync(mount.at('killed')), {
      what: 'the mount to reconnect',
      timeoutMs: 20_000,
    });
    expect(await oracle.verify(mount.at('killed'))).toEqual([]);
    await nothingIsLeft(volume);
  });

  test('options set in mid-transfer, with an unlinked file open and a lock held: the caller sees no error', async () => {
    const oracle = new BlockOracle(2);
    const file = await client.open('/switched', 'w+');
    const unlinked = await client.open('/unlinked', 'w+');
    await unlinked.pwrite('still here', 0);
    await client.unlink('/unlinked');
    const locked = await client.open('/locked', 'w+');
    const lock = await locked.lock('write', { start: 10, length: 20 });
    const writer = new Writer(file, oracle);
    await writer.more(200);
    const first = client.volfile();
    await volume.set('performance.write-behind', 'off');
    // What every brick connection is tuned by: the connections, and what lives on them, stay.
    await volume.set('network.ping-timeout', '17');
    await volume.set('network.frame-timeout', '900');
    await volume.set('cluster.lookup-optimize', 'off');
    await waitUntil(() => client.volfile() !== first && client.volfile().includes('lookup-optimize off'), {
      what: 'the switch to the new graph',
    });
    await writer.more(200);
    await writer.stop();
    expect(writer.errors).toEqual([]);
    expect((await unlinked.pread(100, 0)).buffer.toString()).toBe('still here');
    // Another client still finds the lock held.
    await using other = await connect(volume.url);
    await using view = await other.open('/locked', 'r+');
    expect(await view.getLock('write', { start: 0, length: 100 })).toMatchObject({ type: 'write' });
    await lock[Symbol.asyncDispose]();
    expect(await view.getLock('write', { start: 0, length: 100 })).toBeUndefined();
    for (const open of [file, unlinked, locked]) await open.close();
    await view.close();
    expect(await oracle.verify(mount.at('switched'))).toEqual([]);
    await nothingIsLeft(volume);
  });

  test('a stream brings what was just written, on every brick, many times over', async () => {
    const size = 12_345_678;
    for (let round = 0; round < 12; round++) {
      const path = `/streamed-${round}`;
      const bytes = randomBytes(size);
      await pipeline(
        Readable.from([bytes.subarray(0, 5_000_001), bytes.subarray(5_000_001)]),
        client.createWriteStream(path),
      );
      const hash = createHash('sha256');
      for await (const chunk of client.createReadStream(path)) hash.update(chunk as Buffer);
      expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect((await readFile(mount.at(path.slice(1)))).equals(bytes)).toBe(true);
      await client.unlink(path);
    }
  });

  test('a volfile of the caller, as text or as a file, leads to the same volume', async () => {
    await client.writeFile('/by-volfile', 'found');
    const file = pool.scratch('volfile');
    await writeFile(file, client.volfile());
    for (const source of [client.volfile(), pathToFileURL(file)]) {
      await using opened = await Volume.fromVolfile(source);
      expect(await opened.readFile('/by-volfile', 'utf8')).toBe('found');
      expect(await opened.volumeId()).toBe(await client.volumeId());
    }
    await expect(Volume.fromVolfile(pathToFileURL(`${file}-none`))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(Volume.fromVolfile('volume x')).rejects.toMatchObject({ code: 'EINVAL', line: 1 });
  });

  test('connecting and closing a thousand times leaves nothing behind, and the process ends by itself', async () => {
    const script = fileURLToPath(new URL('../helpers/connect-cycles.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', script, volume.url, '1000'],
      { timeout: 110_000 },
    );
    const result = JSON.parse(stdout) as {
      collected: boolean;
      growth: number;
      shared: number;
      median: number;
      p99: number;
    };
    console.log(
      `connect and close: median ${result.median.toFixed(1)} ms, p99 ${result.p99.toFixed(1)} ms, RSS ${(result.growth / 2 ** 20).toFixed(1)} MiB`,
    );
    expect(result.collected).toBe(true);
    expect(result.growth).toBeLessThan(20 << 20);
    expect(result.shared).toBe(0);
    expect(result.median).toBeLessThan(100);
  });

  /** Index of the brick that holds a file's data. */
  async function brickOf(path: string): Promise<number> {
    const info = (await client.getxattr(path, 'trusted.glusterfs.pathinfo')).toString();
    const found = volume.bricks.findIndex((brick) => info.includes(brick.path));
    expect(found).toBeGreaterThanOrEqual(0);
    return found;
  }
});

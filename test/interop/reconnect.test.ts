import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type File, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { blockSize, makeBlock } from '../helpers/blocks.ts';
import { ClusterProxy } from '../helpers/cluster-proxy.ts';
import { nothingIsLeft } from '../helpers/left-over.ts';
import { brickState } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

const BLOCKS = 64;

/** Reads numbered blocks in several loops until told to stop, and checks every one. */
class Readers {
  done = 0;
  readonly errors: unknown[] = [];
  private stopped = false;
  private readonly loops: Promise<void>[];

  constructor(private readonly file: File) {
    this.loops = Array.from({ length: 8 }, (_, index) => this.loop(index));
  }

  private async loop(index: number): Promise<void> {
    const into = Buffer.alloc(blockSize);
    for (let block = index; !this.stopped; block = (block + 7) % BLOCKS) {
      try {
        const { bytesRead } = await this.file.pread(into, block * blockSize);
        if (bytesRead !== blockSize || !into.equals(makeBlock(3, block, 1)))
          throw new Error(`block ${block} is not what was written`);
        this.done++;
      } catch (error) {
        this.errors.push(error);
        return;
      }
    }
  }

  async more(count: number): Promise<void> {
    const target = this.done + count;
    await waitUntil(() => this.done >= target || this.errors.length > 0, {
      what: `${count} more reads`,
      timeoutMs: 60_000,
      everyMs: 5,
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.loops);
    expect(this.errors).toEqual([]);
  }
}

describe('a brick that goes and comes back', () => {
  const pool = attachPool();
  let volume: TestVolume;
  let client: Volume;
  let file: File;

  beforeAll(async () => {
    volume = await pool.createVolume('reconnect', { bricks: 1, nodes: [0] });
    client = await connect(volume.url, { translatorOptions: { '*-client-*.ping-timeout': '2' } });
    file = await client.open('/blocks', 'w+');
    for (let block = 0; block < BLOCKS; block++) {
      await file.pwrite(makeBlock(3, block, 1), block * blockSize);
    }
  });

  afterAll(async () => {
    await client?.close();
    await volume?.delete();
  });

  test('killed and restarted on another port, twice: reads go on without an error', async () => {
    const readers = new Readers(file);
    for (let round = 0; round < 2; round++) {
      await readers.more(200);
      const { port } = volume.brick(0);
      expect(await volume.restartBrick(0)).not.toBe(port);
      await readers.more(200);
    }
    await readers.stop();
  });

  test('frozen for less than the ping-timeout: nobody notices, on the same connection', async () => {
    const readers = new Readers(file);
    await readers.more(100);
    const clientsBefore = (await brickState(volume.brick(0))).clients;
    await volume.stopBrick(0);
    try {
      // Until all of them wait: what was on its way has arrived.
      let last = -1;
      await waitUntil(
        () => {
          const still = readers.done === last;
          last = readers.done;
          return still;
        },
        { what: 'the reads to stop', everyMs: 100 },
      );
    } finally {
      volume.contBrick(0);
    }
    await readers.more(100);
    await readers.stop();
    expect((await brickState(volume.brick(0))).clients.sort()).toEqual(clientsBefore.sort());
  });

  test('frozen for longer: reads wait and go on, a write in flight ends as unknown, and nothing is overwritten later', async () => {
    const readers = new Readers(file);
    await readers.more(100);
    const scratch = await client.open('/scratch', 'w+');
    await scratch.pwrite('before', 0);
    await volume.stopBrick(0);
    try {
      const started = performance.now();
      await expect(scratch.pwrite('unclear', 0)).rejects.toMatchObject({
        code: 'ENOTCONN',
        outcome: 'unknown',
        message: expect.stringContaining('ping-timeout'),
      });
      expect(performance.now() - started).toBeLessThan(20_000);
    } finally {
      volume.contBrick(0);
    }
    await readers.more(100);
    await readers.stop();
    // Now that it is known who wrote last, it stays so.
    await scratch.pwrite('certain', 0);
    await scratch.sync();
    expect((await scratch.pread(100, 0)).buffer.toString()).toBe('certain');
    expect(readFileSync(`${volume.brick(0).path}/scratch`, 'utf8')).toBe('certain');
    await scratch.close();
  });

  test('locks are held again after the brick’s restart; others are refused as before', async () => {
    await using locked = await client.open('/locked', 'w+');
    await using other = await connect(volume.url);
    const lock = await locked.lock('write', { start: 7, length: 3 });
    await volume.restartBrick(0);
    await waitUntil(async () => (await brickState(volume.brick(0))).locks.length === 1, {
      what: 'the lock on the new brick',
    });
    await using view = await other.open('/locked', 'r+');
    expect(await view.getLock('read', { start: 0, length: 100 })).toMatchObject({ type: 'write', start: 7n });
    await locked.pwrite('still mine', 0);
    await lock[Symbol.asyncDispose]();
    expect(await view.getLock('read', { start: 0, length: 100 })).toBe(undefined);
  });

  test('a lock that another client got in between poisons the file: EBADFD, not silence', async () => {
    await using cluster = await ClusterProxy.start(pool, '127.1.118');
    const url = `gluster://${cluster.hosts[0]}/${volume.name}`;
    await using cutOff = await connect(url, { translatorOptions: { '*-client-*.reconnect-grace': '60' } });
    await using rival = await connect(volume.url);
    const mine = await cutOff.open('/contended', 'w+');
    await mine.lock('write', { start: 0, length: 0 });
    await using theirs = await rival.open('/contended', 'r+');
    const proxy = (await cluster.brick(volume.brick(0)))!;
    proxy.refuse();
    proxy.cut();
    const lock = await theirs.lock('write', { start: 0, length: 0 });
    const connected = (): boolean => JSON.stringify(cutOff.statedump()).includes('"connected":true');
    await waitUntil(() => !connected(), { what: 'the loss to be noticed', everyMs: 2 });
    // Made while the connection is away: it waits, and must not go through without the lock.
    const waiting = mine.pwrite('silent corruption', 0).then(
      () => undefined,
      (error: unknown) => error,
    );
    await proxy.accepting();
    expect(await waiting).toMatchObject({ name: 'GlfsError', code: 'EBADFD' });
    await expect(mine.pread(1, 0)).rejects.toMatchObject({ code: 'EBADFD' });
    expect((await theirs.stat()).size).toBe(0);
    await mine.close().catch(() => undefined);
    await lock[Symbol.asyncDispose]();
    // The file itself is as good as ever.
    await using again = await cutOff.open('/contended', 'r+');
    await (await again.lock('write', { start: 0, length: 0, wait: false }))[Symbol.asyncDispose]();
  });

  test('nothing is left open or locked', async () => {
    await file.close();
    await nothingIsLeft(volume);
  });
});

import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Volume } from '../../src/api/volume.ts';
import { GlfsError } from '../../src/errors.ts';
import type { Request } from '../../src/graph/index.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

let memory: MemoryVolume;
let volume: Volume;
const bytes = Buffer.from(Array.from({ length: 100_003 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));

beforeEach(async () => {
  memory = new MemoryVolume();
  volume = memory.volume();
  await volume.writeFile('/f', bytes);
});

async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

describe('read streams', () => {
  it.each([
    [{}, 0, bytes.length],
    [{ highWaterMark: 1000 }, 0, bytes.length],
    [{ highWaterMark: 1000, parallel: 1 }, 0, bytes.length],
    [{ highWaterMark: 999, start: 5, end: 50_000 }, 5, 50_001],
    [{ start: 99_999 }, 99_999, bytes.length],
    [{ start: 99_999, end: 1_000_000 }, 99_999, bytes.length],
    [{ start: 1_000_000 }, 0, 0],
    [{ start: 10, end: 10 }, 10, 11],
  ])('give the bytes of %o in order', async (options, from, to) => {
    expect((await collect(volume.createReadStream('/f', options))).equals(bytes.subarray(from, to))).toBe(
      true,
    );
    expect(memory.openFds.size).toBe(0);
  });

  it('keep order when answers come in any order', async () => {
    let turn = 0;
    memory.before = async ({ fop }) => {
      if (fop === 'read')
        for (let wait = (turn++ * 7) % 5; wait > 0; wait--) await new Promise((next) => setImmediate(next));
    };
    const read = await collect(volume.createReadStream('/f', { highWaterMark: 512, parallel: 8 }));
    expect(read.equals(bytes)).toBe(true);
  });

  it('read ahead, but not without bound', async () => {
    const stream = volume.createReadStream('/f', { highWaterMark: 1000, parallel: 3 });
    stream.once('readable', () => {});
    await once(stream, 'readable');
    await new Promise((next) => setImmediate(next));
    expect(memory.calls.filter(({ fop }) => fop === 'read').length).toBeLessThanOrEqual(8);
    stream.destroy();
    await waitUntil(() => memory.openFds.size === 0, { what: 'the file to be closed' });
  });

  it('fail with the error of the call', async () => {
    await expect(collect(volume.createReadStream('/n'))).rejects.toMatchObject({
      code: 'ENOENT',
      path: '/n',
    });
    memory.before = ({ fop, request }) => {
      if (fop === 'read' && (request as Request<'read'>).offset >= 3000) throw new GlfsError('EIO');
    };
    const stream = volume.createReadStream('/f', { highWaterMark: 1000 });
    let read = 0;
    await expect(async () => {
      for await (const part of stream) read += (part as Buffer).length;
    }).rejects.toMatchObject({ code: 'EIO', syscall: 'read' });
    expect(read).toBe(3000);
    await waitUntil(() => memory.openFds.size === 0, { what: 'the file to be closed' });
    expect(() => volume.createReadStream('/f', { start: -1 })).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    );
    expect(() => volume.createReadStream('/f', { highWaterMark: 0 })).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    );
  });

  it('end with their signal', async () => {
    const controller = new AbortController();
    const stream = volume.createReadStream('/f', { signal: controller.signal, highWaterMark: 10 });
    await expect(async () => {
      for await (const _ of stream) controller.abort();
    }).rejects.toThrow(/abort/);
    await waitUntil(() => memory.openFds.size === 0, { what: 'the file to be closed' });
  });

  it('leave an open file open, and begin at its position', async () => {
    await using file = await volume.open('/f');
    await file.seek(100_000);
    expect((await collect(file.createReadStream())).equals(bytes.subarray(100_000))).toBe(true);
    expect((await file.stat()).size).toBe(bytes.length);
  });
});

describe('write streams', () => {
  it('write what comes, and close the file', async () => {
    await pipeline(
      volume.createReadStream('/f', { highWaterMark: 777 }),
      volume.createWriteStream('/g', { flush: true }),
    );
    expect((await volume.readFile('/g')).equals(bytes)).toBe(true);
    expect(memory.openFds.size).toBe(0);
    expect(memory.calls.map(({ fop }) => fop)).toContain('fsync');
  });

  it('write in the middle, and at the end', async () => {
    await pipeline(
      Readable.from([Buffer.from('XY'), Buffer.from('Z')]),
      volume.createWriteStream('/f', { flags: 'r+', start: 10 }),
    );
    await pipeline(Readable.from(['a', 'b', 'c']), volume.createWriteStream('/f', { flags: 'a' }));
    const after = await volume.readFile('/f');
    expect(after.subarray(10, 13).toString()).toBe('XYZ');
    expect(after.subarray(bytes.length).toString()).toBe('abc');
  });

  it('hold back a source that is faster', async () => {
    let most = 0;
    let under = 0;
    memory.before = async ({ fop }) => {
      if (fop !== 'write') return;
      most = Math.max(most, ++under);
      await new Promise((next) => setImmediate(next));
      under--;
    };
    const stream = volume.createWriteStream('/g', { highWaterMark: 1000, parallel: 3 });
    const chunk = Buffer.alloc(1000, 'x');
    let refused = 0;
    for (let index = 0; index < 50; index++) {
      if (stream.write(chunk)) continue;
      refused++;
      await once(stream, 'drain');
    }
    stream.end();
    await once(stream, 'close');
    expect(refused).toBeGreaterThan(10);
    expect(most).toBeLessThanOrEqual(3);
    expect((await volume.stat('/g')).size).toBe(50_000);
  });

  it('fail with the error of any write, at the latest at the end', async () => {
    memory.before = ({ fop }) => {
      if (fop === 'write') throw new GlfsError('ENOSPC');
    };
    const writing = pipeline(Readable.from([Buffer.from('x')]), volume.createWriteStream('/g'));
    await expect(writing).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write', path: '/g' });
    await waitUntil(() => memory.openFds.size === 0, { what: 'the file to be closed' });
  });
});

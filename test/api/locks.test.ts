import { beforeEach, describe, expect, it } from 'vitest';
import type { File } from '../../src/api/file.ts';
import type { Volume } from '../../src/api/volume.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

let memory: MemoryVolume;
let volume: Volume;
let one: File;
let two: File;

beforeEach(async () => {
  memory = new MemoryVolume();
  volume = memory.volume();
  await volume.writeFile('/f', '0123456789');
  one = await volume.open('/f', 'r+');
  two = await volume.open('/f', 'r+');
});

describe('locks', () => {
  it('belong to open files', async () => {
    const lock = await one.lock('write', { start: 2, length: 3 });
    expect(lock.range).toEqual({ start: 2n, length: 3n });
    expect(await one.getLock('write')).toBeUndefined();
    expect(await two.getLock('read', { start: 4 })).toMatchObject({
      type: 'write',
      start: 2n,
      length: 3n,
      pid: process.pid,
    });
    expect(await two.getLock('read', { start: 5 })).toBeUndefined();
    await expect(two.lock('read', { wait: false })).rejects.toMatchObject({
      code: 'EAGAIN',
      syscall: 'lock',
      path: '/f',
    });
    await two.lock('write', { start: 5, wait: false });
    await lock.release();
    await lock.release();
    expect(memory.locks.held).toHaveLength(1);
  });

  it('are shared by the files of one owner', async () => {
    const view = volume.as({ lkOwner: Buffer.from('me') });
    await using a = await view.open('/f', 'r+');
    await using b = await view.open('/f', 'r+');
    await a.lock('write');
    await b.lock('write', { wait: false });
    expect((await one.getLock('read'))?.owner).toEqual(new Uint8Array(Buffer.from('me')));
    two.setLockOwner(Buffer.from('me'));
    await two.lock('write', { wait: false });
    expect(() => two.setLockOwner(new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => two.setLockOwner(new Uint8Array(256))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it.each([
    [
      { start: 2, length: -2 },
      { start: 0n, length: 2n },
    ],
    [
      { whence: 'current', start: 1, length: 1 },
      { start: 5n, length: 1n },
    ],
    [
      { whence: 'end', start: -3 },
      { start: 7n, length: 0n },
    ],
    [
      { start: 2n ** 62n, length: 2n ** 62n },
      { start: 2n ** 62n, length: 2n ** 62n },
    ],
    [{}, { start: 0n, length: 0n }],
  ] as const)('take %o for %o', async (range, absolute) => {
    one.position = 4;
    expect((await one.lock('read', range)).range).toEqual(absolute);
    await one.unlock(range);
    expect(memory.locks.held).toHaveLength(0);
  });

  it.each([
    [{ start: -1 }, 'EINVAL'],
    [{ start: 1, length: -2 }, 'EINVAL'],
    [{ start: 2n ** 63n }, 'EOVERFLOW'],
    [{ start: 2n ** 63n - 1n, length: 2 }, 'EOVERFLOW'],
    [{ start: 0.5 }, 'EINVAL'],
  ])('refuse %o with %s', async (range, code) => {
    await expect(one.lock('read', range)).rejects.toMatchObject({ code });
  });

  it('wait for each other, and go with their file', async () => {
    await one.lock('write');
    let granted = false;
    const waiting = two.lock('write').then(() => {
      granted = true;
    });
    await waitUntil(() => memory.locks.blocked === 1, { what: 'the second lock to wait' });
    expect(granted).toBe(false);
    await one.close();
    await waiting;
    await two.close();
    expect(memory.locks.held).toHaveLength(0);
  });

  it('end with their scope', async () => {
    {
      await using _lock = await one.lock('write');
      expect(memory.locks.held).toHaveLength(1);
    }
    expect(memory.locks.held).toHaveLength(0);
  });

  it('are given up when they are granted to somebody who has left', async () => {
    const lock = await one.lock('write');
    const controller = new AbortController();
    const waiting = two.lock('write', { signal: controller.signal });
    await waitUntil(() => memory.locks.blocked === 1, { what: 'the second lock to wait' });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED', outcome: 'unknown' });
    // The close does not wait for the lock, the release does.
    await two.close();
    expect(memory.opened.size).toBe(2);
    await lock.release();
    await waitUntil(() => memory.opened.size === 1, { what: 'the release of the second file' });
    expect(memory.locks.held).toHaveLength(0);
    await one.lock('write', { wait: false });
  });
});

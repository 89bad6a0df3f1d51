import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Volume } from '../../../../src/index.ts';
import { syscalls } from '../../../../src/syscalls.ts';
import { BLOCK, Sharded } from './sharded.ts';

let sharded: Sharded;
let volume: Volume;
beforeAll(async () => {
  sharded = await Sharded.start();
  volume = sharded.volume;
});
afterAll(() => sharded.stop());

const gone = (name: string) => volume.unlink(name);
const text = (buffer: Uint8Array) => Buffer.from(buffer).toString('latin1');

describe('a sharded file', () => {
  test('lies in blocks of its size, named by its gfid, and is one file', async () => {
    const data = randomBytes(2 * BLOCK + 1000);
    await volume.writeFile('/whole', data);
    expect(sharded.blocks()).toHaveLength(2);
    expect(sharded.blocks().map((name) => name.split('.')[1])).toEqual(['1', '2']);
    expect((await volume.stat('/whole')).size).toBe(data.length);
    expect(Buffer.compare(await volume.readFile('/whole'), data)).toBe(0);
    expect((await volume.stat('/whole')).blocks).toBeGreaterThanOrEqual(data.length / 512);
    await gone('/whole');
  });

  test('is read and written across the border of two blocks', async () => {
    await using file = await volume.open('/border', 'w+');
    await file.pwrite('across', BLOCK - 3);
    const { buffer, bytesRead } = await file.pread(100, BLOCK - 5);
    expect(bytesRead).toBe(8);
    expect(text(buffer)).toBe('\0\0across');
    expect((await file.stat()).size).toBe(BLOCK + 3);
    await gone('/border');
  });

  test('reads holes as zeros, makes no blocks for it, and ends where it ends', async () => {
    await using file = await volume.open('/holes', 'w+');
    await file.pwrite('far', 5 * BLOCK);
    const before = sharded.blocks();
    const buffer = Buffer.alloc(BLOCK + 100, 0xee);
    const { bytesRead } = await file.pread(buffer, 2 * BLOCK - 50);
    expect(bytesRead).toBe(buffer.length);
    expect(buffer.every((byte) => byte === 0)).toBe(true);
    expect(sharded.blocks()).toEqual(before);
    expect((await file.pread(10, 5 * BLOCK + 3)).bytesRead).toBe(0);
    expect((await file.pread(10, 9 * BLOCK)).bytesRead).toBe(0);
    await gone('/holes');
  });

  test('is cut to a multiple of its block size without losing the last block', async () => {
    const data = randomBytes(3 * BLOCK);
    await volume.writeFile('/cut', data);
    await volume.truncate('/cut', 2 * BLOCK);
    expect(Buffer.compare(await volume.readFile('/cut'), data.subarray(0, 2 * BLOCK))).toBe(0);
    expect(sharded.blocks().map((name) => name.split('.')[1])).toEqual(['1']);
    await volume.truncate('/cut', BLOCK);
    expect(Buffer.compare(await volume.readFile('/cut'), data.subarray(0, BLOCK))).toBe(0);
    expect(sharded.blocks()).toEqual([]);
    await gone('/cut');
  });

  test('shows no old bytes when it grows after it was cut', async () => {
    await volume.writeFile('/grown', Buffer.alloc(BLOCK + 500, 1));
    await volume.truncate('/grown', BLOCK + 100);
    await volume.truncate('/grown', 2 * BLOCK + 7);
    const data = await volume.readFile('/grown');
    expect(data.length).toBe(2 * BLOCK + 7);
    expect(data.subarray(0, BLOCK + 100).every((byte) => byte === 1)).toBe(true);
    expect(data.subarray(BLOCK + 100).every((byte) => byte === 0)).toBe(true);
    await gone('/grown');
  });

  test('is emptied by O_TRUNC, all of its blocks', async () => {
    await volume.writeFile('/emptied', Buffer.alloc(2 * BLOCK, 1));
    await volume.writeFile('/emptied', 'new');
    expect(text(await volume.readFile('/emptied'))).toBe('new');
    expect(sharded.blocks()).toEqual([]);
    await gone('/emptied');
  });

  test('appends at its own end, not at the end of block 0', async () => {
    await using file = await volume.open('/log', 'a+');
    await file.truncate(1000);
    await file.write('one');
    await file.truncate(BLOCK - 1);
    await Promise.all(['two', 'two', 'two'].map((word) => file.write(word)));
    const data = await volume.readFile('/log');
    expect(data.length).toBe(BLOCK - 1 + 9);
    expect(text(data.subarray(1000, 1003))).toBe('one');
    expect(text(data.subarray(BLOCK - 1))).toBe('twotwotwo');
    await gone('/log');
  });

  test('counts what its blocks have, and forgets what goes', async () => {
    await using file = await volume.open('/counted', 'w+');
    await file.pwrite(Buffer.alloc(8192, 1), 0);
    await file.pwrite(Buffer.alloc(8192, 1), 3 * BLOCK);
    const { blocks } = await file.stat();
    expect(blocks).toBeGreaterThanOrEqual(32);
    expect(blocks).toBeLessThan(100);
    await file.truncate(4096);
    expect((await file.stat()).blocks).toBeLessThan(blocks / 2);
    await gone('/counted');
  });

  // Bricks without the addon take everything for data: there are no holes to find.
  test.skipIf(syscalls() === undefined)('finds data and holes over all blocks', async () => {
    await using file = await volume.open('/sought', 'w+');
    await file.truncate(20 * BLOCK);
    await file.pwrite('x', 0);
    await file.pwrite(Buffer.alloc(4096, 1), 7 * BLOCK);
    await file.pwrite(Buffer.alloc(BLOCK, 1), 12 * BLOCK);
    expect(await file.seekData(0)).toBe(0);
    expect(await file.seekHole(0)).toBeLessThanOrEqual(65_536);
    expect(await file.seekData(BLOCK)).toBe(7 * BLOCK);
    expect(await file.seekHole(7 * BLOCK)).toBe(7 * BLOCK + 4096);
    expect(await file.seekData(8 * BLOCK)).toBe(12 * BLOCK);
    expect(await file.seekHole(12 * BLOCK + 5)).toBe(13 * BLOCK);
    await expect(file.seekData(13 * BLOCK)).rejects.toMatchObject({ code: 'ENXIO' });
    await expect(file.seekHole(20 * BLOCK)).rejects.toMatchObject({ code: 'ENXIO' });
    await file.pwrite('end', 20 * BLOCK - 3);
    expect(await file.seekHole(20 * BLOCK - 2)).toBe(20 * BLOCK);
    await gone('/sought');
  });

  // Room is only taken, and given back, by calls that the addon has.
  test.skipIf(syscalls() === undefined)('takes room, gives it back, and is filled with zeros', async () => {
    await using file = await volume.open('/room', 'w+');
    await file.fallocate(BLOCK - 4096, 8192);
    expect((await file.stat()).size).toBe(BLOCK + 4096);
    expect(sharded.blocks()).toHaveLength(1);
    await file.pwrite(Buffer.alloc(2 * BLOCK, 7), 0);
    await file.discard(BLOCK - 10, 20);
    expect((await file.stat()).size).toBe(2 * BLOCK);
    const { buffer } = await file.pread(40, BLOCK - 20);
    expect([...buffer]).toEqual([...Array(10).fill(7), ...Array(20).fill(0), ...Array(10).fill(7)]);
    await file.discard(BLOCK, 50 * BLOCK);
    expect((await file.stat()).size).toBe(2 * BLOCK);
    expect((await file.pread(1, BLOCK + 100)).buffer[0]).toBe(0);
    await file.zerofill(BLOCK - 100, 2 * BLOCK);
    expect((await file.stat()).size).toBe(3 * BLOCK - 100);
    expect((await file.pread(1, BLOCK - 101)).buffer[0]).toBe(7);
    expect((await file.pread(1, BLOCK - 100)).buffer[0]).toBe(0);
    await file.fallocate(3 * BLOCK - 100, 50, { keepSize: true });
    expect((await file.stat()).size).toBe(3 * BLOCK - 100);
    await expect(file.fallocate(4 * BLOCK, 50, { keepSize: true })).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
    });
    await gone('/room');
  });

  test('is copied by reading and writing, since bricks know of one block only', async () => {
    const data = randomBytes(BLOCK + 5000);
    await volume.writeFile('/from', data);
    await volume.copyFile('/from', '/to');
    expect(Buffer.compare(await volume.readFile('/to'), data)).toBe(0);
    await gone('/from');
    await gone('/to');
  });
});

test('files from before features/shard was on stay whole', async () => {
  const plain = await Sharded.start();
  try {
    const before = await plain.open({ options: ['option shard-block-size 64MB'] });
    await before.writeFile('/old', Buffer.alloc(BLOCK + 10, 3));
    const now = await plain.open();
    // Its own block size counts, not that of new files.
    await now.appendFile('/old', 'more');
    expect(plain.blocks()).toEqual([]);
    expect((await now.stat('/old')).size).toBe(BLOCK + 14);
  } finally {
    await plain.stop();
  }
});

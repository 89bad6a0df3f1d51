import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { nothingIsLeft } from '../helpers/left-over.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import type { TestVolume } from '../helpers/volume.ts';

const pool = attachPool();

/** What protocol/client says of itself, by the names of the translators. */
function clients(volume: Volume): { program: number; connected: boolean; server: string }[] {
  const translators = volume.statedump().translators as Record<string, { type: string }>;
  return Object.values(translators).filter(({ type }) => type === 'protocol/client') as never;
}

describe.each([400, 330])('a whole story of files in version %i of the file program', (version) => {
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume(`wire-${version}`, { bricks: 2, nodes: [0] });
    mount = await mountVolume(pool, { volume: volume.name });
    client = await connect(volume.url, {
      translatorOptions: { '*-client-*.program-version': String(version) },
    });
  });

  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  test('is spoken', () => {
    expect(clients(client).map(({ program }) => program)).toEqual([version, version]);
  });

  test('directories, names, links', async () => {
    await client.mkdir('/d/e', { recursive: true, mode: 0o750 });
    expect(statSync(mount.at('d')).mode & 0o7777).toBe(0o750);
    await client.writeFile('/d/one', 'first');
    await client.link('/d/one', '/d/two');
    await client.symlink('one', '/d/three');
    await client.mknod('/d/fifo', { type: 'fifo' });
    await client.rename('/d/two', '/d/e/moved');
    expect(readFileSync(mount.at('d', 'three'), 'utf8')).toBe('first');
    expect(readlinkSync(mount.at('d', 'three'))).toBe('one');
    expect(await client.readlink('/d/three')).toBe('one');
    expect(lstatSync(mount.at('d', 'fifo')).isFIFO()).toBe(true);
    expect(statSync(mount.at('d', 'e', 'moved')).nlink).toBe(2);
    expect((await client.stat('/d/e/moved')).ino).toBe((await client.stat('/d/one')).ino);
    expect((await client.readdir('/d')).sort()).toEqual(['e', 'fifo', 'one', 'three']);
    const listed = await client.readdir('/d', { withFileTypes: true });
    expect(listed.find(({ name }) => name === 'e')!.isDirectory()).toBe(true);
    await expect(client.rmdir('/d')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await expect(client.mkdir('/d')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(client.open('/d/none', 'r')).rejects.toMatchObject({ code: 'ENOENT', path: '/d/none' });
    await client.rm('/d', { recursive: true });
    expect(existsSync(mount.at('d'))).toBe(false);
  });

  test('names that are no UTF-8, and the longest', async () => {
    const raw = Buffer.concat([Buffer.from('odd-'), Buffer.from([0xff, 0xc3, 0x28])]);
    const long = 'ä'.repeat(127);
    const theirs = Buffer.concat([Buffer.from(`${mount.path}/`), raw]);
    await client.writeFile(raw, 'bytes');
    await client.writeFile(`/${long}`, 'long');
    expect(readFileSync(theirs, 'utf8')).toBe('bytes');
    expect(readFileSync(mount.at(long), 'utf8')).toBe('long');
    const names = (await client.readdir('/', { encoding: 'buffer' })) as unknown as Buffer[];
    expect(names.some((name) => name.equals(raw))).toBe(true);
    for (const name of await client.readdir('/')) if (/odd|ä/.test(name)) await client.unlink(`/${name}`);
    expect(existsSync(theirs)).toBe(false);
  });

  test('data: writes and reads of all sizes, holes, truncation', async () => {
    const data = randomBytes(3_000_001);
    const file = await client.open('/data', 'w+');
    for (let at = 0, size = 1; at < data.length; at += size, size = size * 3 + 1)
      await file.pwrite(data.subarray(at, at + size), at);
    expect(readFileSync(mount.at('data')).equals(data)).toBe(true);
    for (const [at, size] of [
      [0, 1],
      [1, 4096],
      [17, 100_003],
      [0, 3_000_001],
      [3_000_000, 100],
    ] as const) {
      const into = Buffer.alloc(size);
      const { bytesRead } = await file.pread(into, at);
      expect(bytesRead).toBe(Math.min(size, data.length - at));
      expect(into.subarray(0, bytesRead).equals(data.subarray(at, at + bytesRead))).toBe(true);
    }
    expect((await file.pread(10, data.length)).bytesRead).toBe(0);
    await file.truncate(5);
    await file.pwrite('end', 1 << 20);
    expect((await file.stat()).size).toBe((1 << 20) + 3);
    expect(await file.seekData(4096)).toBe(1 << 20);
    await file.fallocate(0, 8192);
    await file.zerofill(0, 3);
    await file.discard(4096, 4096);
    const after = readFileSync(mount.at('data'));
    expect(after.subarray(0, 5)).toEqual(Buffer.concat([Buffer.alloc(3), data.subarray(3, 5)]));
    expect(after.subarray(-3).toString()).toBe('end');
    await file.sync();
    await file.datasync();
    await file.close();
    await client.unlink('/data');
  });

  test('attributes, extended attributes, free space', async () => {
    await client.writeFile('/attributes', 'x');
    await client.chmod('/attributes', 0o4711);
    await client.chown('/attributes', 12, 34);
    await client.utimes('/attributes', 1_000_000_000, 1_100_000_000);
    expect(statSync(mount.at('attributes'))).toMatchObject({ uid: 12, gid: 34, mtimeMs: 1.1e12 });
    const values = { 'user.text': Buffer.from('value'), 'user.bytes': Buffer.from([0, 255, 0, 1]) };
    for (const [name, value] of Object.entries(values)) await client.setxattr('/attributes', name, value);
    for (const [name, value] of Object.entries(values))
      expect(await client.getxattr('/attributes', name)).toEqual(value);
    expect((await client.listxattr('/attributes')).filter((name) => name.startsWith('user.')).sort()).toEqual(
      Object.keys(values).sort(),
    );
    await client.removexattr('/attributes', 'user.text');
    await expect(client.getxattr('/attributes', 'user.text')).rejects.toMatchObject({ code: 'ENODATA' });
    await client.access('/attributes', 4);
    const { bsize, blocks } = await client.statfs('/');
    expect(bsize * blocks).toBeGreaterThan(1 << 20);
    await client.unlink('/attributes');
  });

  test('locks between two clients', async () => {
    await using other = await connect(volume.url, {
      translatorOptions: { '*-client-*.program-version': String(version), '*-client-*.connect-timeout': '9' },
    });
    await using mine = await client.open('/locked', 'w+');
    await using theirs = await other.open('/locked', 'r+');
    const lock = await mine.lock('write', { start: 5, length: 10 });
    expect(await theirs.getLock('write', { start: 0, length: 100 })).toMatchObject({
      type: 'write',
      start: 5n,
    });
    await expect(theirs.lock('write', { start: 0, length: 0, wait: false })).rejects.toMatchObject({
      code: 'EAGAIN',
    });
    const waiting = theirs.lock('write', { start: 0, length: 0 });
    await lock[Symbol.asyncDispose]();
    await (await waiting)[Symbol.asyncDispose]();
    await client.unlink('/locked');
  });

  test('nothing is left open or locked', async () => {
    await nothingIsLeft(volume);
  });
});

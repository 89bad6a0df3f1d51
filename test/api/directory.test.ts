import { beforeEach, describe, expect, it } from 'vitest';
import type { Volume } from '../../src/api/volume.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

let memory: MemoryVolume;
let volume: Volume;
const names = Array.from({ length: 25 }, (_, index) => `f${index}`);

beforeEach(async () => {
  memory = new MemoryVolume();
  volume = memory.volume();
  await volume.mkdir('/d/sub', { recursive: true });
  for (const name of names) await volume.writeFile(`/d/${name}`, name);
  memory.batch = 4;
});

describe('directories', () => {
  it('are listed once and whole, batch by batch', async () => {
    const seen: string[] = [];
    await using directory = await volume.opendir('/d');
    for await (const entry of directory) {
      expect(entry.parentPath).toBe('/d');
      expect(entry.isDirectory()).toBe(entry.name === 'sub');
      expect(entry.isFile()).toBe(entry.name !== 'sub');
      seen.push(entry.name);
    }
    expect(seen).toEqual(['sub', ...names]);
    expect(await directory.read()).toBeNull();
    expect(await directory.readBatch()).toEqual([]);
  });

  it('show dots where they are asked for', async () => {
    await using directory = await volume.opendir('/d', { dots: true });
    expect((await directory.read())?.name).toBe('.');
    expect((await directory.read())?.name).toBe('..');
    expect((await directory.read())?.name).toBe('sub');
  });

  it('are not at their end where a batch has nothing but dots', async () => {
    memory.batch = 2;
    expect(await volume.readdir('/d')).toHaveLength(26);
  });

  it('go on at a cookie, in either kind of listing', async () => {
    await using directory = await volume.opendir('/d');
    for (let index = 0; index < 6; index++) await directory.read();
    const cookie = directory.tell();
    const next = await directory.readPlus();
    expect([next?.name, next?.stats?.size]).toEqual(['f5', 2]);
    await directory.readBatch();
    directory.seek(cookie);
    expect((await directory.read())?.name).toBe('f5');
    directory.seek(next!.offset);
    expect((await directory.read())?.name).toBe('f6');
    directory.rewind();
    expect((await directory.read())?.name).toBe('sub');
  });

  it('hand out every entry once to readers side by side', async () => {
    await using directory = await volume.opendir('/d');
    const read = await Promise.all(Array.from({ length: 30 }, () => directory.read()));
    expect(read.map((entry) => entry?.name)).toEqual([
      'sub',
      ...names,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('give attributes and handles with their entries', async () => {
    const entries = await volume.readdirPlus('/d');
    const file = entries.find(({ name }) => name === 'f7')!;
    expect(file.stats?.isFile()).toBe(true);
    using handle = file.handle();
    expect((await handle!.read(10, 0)).buffer.toString()).toBe('f7');
    expect(handle!.gfid).toBe((await volume.stat('/d/f7')).gfid);
  });

  it('are listed by path: names, types, bytes, whole trees', async () => {
    await volume.writeFile('/d/sub/deep', '');
    expect(await volume.readdir('/d/sub')).toEqual(['deep']);
    expect((await volume.readdir('/d', { withFileTypes: true }))[0]?.isDirectory()).toBe(true);
    expect(await volume.readdir('/d/sub', { encoding: 'buffer' })).toEqual([Buffer.from('deep')]);
    const all = await volume.readdir('/', { recursive: true });
    expect(all).toContain('d/sub/deep');
    expect(all).toHaveLength(1 + 26 + 1);
    await expect(volume.readdir('/d/f1')).rejects.toMatchObject({ code: 'ENOTDIR', syscall: 'opendir' });
    expect(memory.openFds.size).toBe(0);
  });

  it('have attributes, can be made durable, and close once', async () => {
    const directory = await volume.opendir('/d');
    await directory.sync();
    await directory.chmod(0o700);
    expect((await directory.stat()).mode & 0o777).toBe(0o700);
    memory.take();
    await Promise.all([directory.close(), directory.close()]);
    expect(memory.take()).toEqual(['releasedir']);
    await expect(directory.read()).rejects.toMatchObject({ code: 'EBADF', syscall: 'readdir', path: '/d' });
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import type { Volume } from '../../src/api/volume.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

let memory: MemoryVolume;
let volume: Volume;

beforeEach(async () => {
  memory = new MemoryVolume();
  volume = memory.volume();
  await volume.mkdir('/d');
  await volume.writeFile('/f', 'f');
});

describe('entries', () => {
  it('makes directories with the umask, one or all that are missing', async () => {
    expect(await volume.mkdir('/x', { mode: 0o777 })).toBeUndefined();
    expect((await volume.stat('/x')).mode & 0o777).toBe(0o755);
    await volume.as({ umask: 0 }).mkdir('/y', { mode: 0o775 });
    expect((await volume.stat('/y')).mode & 0o777).toBe(0o775);
    expect(await volume.mkdir('/d/1/2/3', { recursive: true })).toBe('/d/1');
    expect(await volume.mkdir('/d/1/2/3', { recursive: true })).toBeUndefined();
    expect(await volume.mkdir('d/1/2/../4/', { recursive: true })).toBe('/d/1/4');
    await expect(volume.mkdir('/f/1/2', { recursive: true })).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(volume.mkdir('/f', { recursive: true })).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await volume.mkdir('/', { recursive: true })).toBeUndefined();
  });

  it.each([
    ['mkdir', '/d', 'EEXIST'],
    ['mkdir', '/', 'EEXIST'],
    ['mkdir', '/d/.', 'EEXIST'],
    ['mkdir', '/n/x', 'ENOENT'],
    ['mkdir', '/f/x', 'ENOTDIR'],
    ['rmdir', '/f', 'ENOTDIR'],
    ['rmdir', '/', 'EBUSY'],
    ['rmdir', '/d/.', 'EINVAL'],
    ['rmdir', '/d/..', 'ENOTEMPTY'],
    ['rmdir', '/n', 'ENOENT'],
    ['unlink', '/d', 'EISDIR'],
    ['unlink', '/', 'EISDIR'],
    ['unlink', '/n', 'ENOENT'],
    ['unlink', '/f/', 'ENOTDIR'],
    ['mknod', '/f', 'EEXIST'],
    ['mknod', '/new/', 'ENOENT'],
    ['readlink', '/f', 'EINVAL'],
  ] as const)('%s of %s fails with %s', async (call, path, code) => {
    await expect(volume[call](path)).rejects.toMatchObject({ code, syscall: call, path });
  });

  it('makes special files, and shows their numbers as Linux does', async () => {
    await volume.mknod('/fifo', { type: 'fifo', mode: 0o600 });
    await volume.mknod('/zero', { type: 'character', major: 1, minor: 5 });
    expect((await volume.stat('/fifo')).isFIFO()).toBe(true);
    const zero = await volume.stat('/zero', { bigint: true });
    expect(zero.isCharacterDevice()).toBe(true);
    expect(zero.rdev).toBe(0x105n);
    await expect(volume.open('/fifo')).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('links', async () => {
    await volume.link('/f', '/d/g');
    expect((await volume.stat('/d/g')).nlink).toBe(2);
    await expect(volume.link('/f', '/d/g')).rejects.toMatchObject({
      code: 'EEXIST',
      path: '/f',
      dest: '/d/g',
    });
    await expect(volume.link('/d', '/e')).rejects.toMatchObject({ code: 'EPERM' });
    await volume.symlink('f', '/l');
    await volume.link('/l', '/l2');
    expect((await volume.lstat('/l2')).isSymbolicLink()).toBe(true);
    await volume.unlink('/f');
    expect(await volume.readFile('/d/g', { encoding: 'utf8' })).toBe('f');
  });

  it('renames, over files and empty directories', async () => {
    await volume.writeFile('/g', 'g');
    await volume.rename('/g', '/f');
    expect(await volume.readFile('/f', { encoding: 'utf8' })).toBe('g');
    expect(await volume.exists('/g')).toBe(false);
    await volume.mkdir('/e');
    await volume.rename('/e/', '/d/');
    expect((await volume.readdir('/')).sort()).toEqual(['d', 'f']);
    await volume.rename('/f', '/d/f');
    expect(await volume.readdir('/d')).toEqual(['f']);
  });

  it.each([
    ['/d', '/f', 'ENOTDIR'],
    ['/f', '/d', 'EISDIR'],
    ['/f/', '/g', 'ENOTDIR'],
    ['/f', '/g/', 'ENOTDIR'],
    ['/n', '/g', 'ENOENT'],
    ['/d', '/d/x', 'EINVAL'],
    ['/d', '/d/x/y', 'ENOENT'],
    ['/', '/x', 'EBUSY'],
    ['/d/.', '/x', 'EBUSY'],
  ])('rename of %s to %s fails with %s', async (from, to, code) => {
    await expect(volume.rename(from, to)).rejects.toMatchObject({ code, path: from, dest: to });
  });

  it('does not move a directory into its own child, nor over its parent', async () => {
    await volume.mkdir('/d/x/y', { recursive: true });
    await expect(volume.rename('/d', '/d/x/y/z')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(volume.rename('/d/x/y', '/d')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
  });

  it('takes a rename between two names of one file for done', async () => {
    await volume.link('/f', '/g');
    await volume.rename('/f', '/g');
    expect((await volume.readdir('/')).sort()).toEqual(['d', 'f', 'g']);
  });

  it('removes trees, links in them not followed', async () => {
    await volume.mkdir('/d/1/2', { recursive: true });
    for (let index = 0; index < 250; index++) await volume.writeFile(`/d/1/file${index}`, 'x');
    await volume.symlink('/f', '/d/1/2/link');
    await expect(volume.rm('/d')).rejects.toMatchObject({ code: 'EISDIR' });
    await volume.rm('/d', { recursive: true });
    expect(await volume.readdir('/')).toEqual(['f']);
    await expect(volume.rm('/d', { recursive: true })).rejects.toMatchObject({ code: 'ENOENT' });
    await volume.rm('/d', { recursive: true, force: true });
    expect(memory.openFds.size).toBe(0);
  });

  it('gives every new file an identity, and the caller as owner', async () => {
    const user = volume.as({ uid: 7, gid: 8 });
    await user.symlink('t', '/l');
    await user.mknod('/n');
    const stats = await Promise.all(['/l', '/n'].map((path) => volume.lstat(path)));
    expect(stats.map(({ uid, gid }) => [uid, gid])).toEqual([
      [7, 8],
      [7, 8],
    ]);
    expect(new Set(stats.map(({ gfid }) => gfid)).size).toBe(2);
  });
});

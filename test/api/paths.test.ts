import { describe, expect, it } from 'vitest';
import type { Volume } from '../../src/api/volume.ts';
import { GlfsError } from '../../src/errors.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

async function withTree(): Promise<{ memory: MemoryVolume; volume: Volume }> {
  const memory = new MemoryVolume();
  const volume = memory.volume();
  await volume.mkdir('/a/b/c', { recursive: true });
  await volume.writeFile('/a/b/file', 'text');
  memory.take();
  return { memory, volume };
}

describe('paths', () => {
  it.each([
    ['/a/b/file', '/a/b/file'],
    ['a/b/file', '/a/b/file'],
    ['//a///b//file', '/a/b/file'],
    ['/a/./b/../b/./file', '/a/b/file'],
    ['/../../a/b/file', '/a/b/file'],
    ['/a/b/c/', '/a/b/c'],
    ['/a/b/c/..', '/a/b'],
    ['/', '/'],
    ['.', '/'],
  ])('%s is %s', async (path, real) => {
    const { volume } = await withTree();
    expect(await volume.realpath(path)).toBe(real);
    expect((await volume.stat(path)).gfid).toBe((await volume.stat(real)).gfid);
  });

  it.each([
    ['', 'ENOENT'],
    ['/a/nope', 'ENOENT'],
    ['/nope/x', 'ENOENT'],
    ['/a/b/file/', 'ENOTDIR'],
    ['/a/b/file/.', 'ENOTDIR'],
    ['/a/b/file/..', 'ENOTDIR'],
    ['/a/b/file/x', 'ENOTDIR'],
    [`/a/${'n'.repeat(256)}`, 'ENAMETOOLONG'],
    [`/a/${'ä'.repeat(128)}`, 'ENAMETOOLONG'],
    ['/a\0b', 'EINVAL'],
  ])('%j fails with %s', async (path, code) => {
    const { volume } = await withTree();
    await expect(volume.stat(path)).rejects.toMatchObject({ code, syscall: 'stat', path });
  });

  it('takes names of 255 bytes, and names that are not UTF-8', async () => {
    const { volume } = await withTree();
    await volume.writeFile(`/${'ä'.repeat(127)}x`, '1');
    const bytes = Buffer.from([0x2f, 0xff, 0xc3]);
    await volume.writeFile(bytes, '2');
    expect((await volume.readFile(bytes)).toString()).toBe('2');
    expect(await volume.readdir('/', { encoding: 'buffer' })).toContainEqual(bytes.subarray(1));
    expect(await volume.readdir('/')).toContain('\udcff\udcc3');
  });

  it('follows links, absolute and relative, in the middle and at the end', async () => {
    const { volume } = await withTree();
    await volume.symlink('b/c', '/a/relative');
    await volume.symlink('/a/b', '/absolute');
    await volume.symlink('absolute/../b/file', '/chain');
    expect(await volume.realpath('/a/relative')).toBe('/a/b/c');
    expect(await volume.realpath('/absolute/file')).toBe('/a/b/file');
    // `..` leads out of where the link leads to.
    expect(await volume.realpath('/absolute/..')).toBe('/a');
    expect(await volume.readFile('/chain', { encoding: 'utf8' })).toBe('text');
    expect(await volume.readlink('/chain')).toBe('absolute/../b/file');
    expect((await volume.lstat('/chain')).isSymbolicLink()).toBe(true);
    expect((await volume.stat('/chain')).isFile()).toBe(true);
    // A trailing slash follows even where links are not followed.
    expect((await volume.lstat('/absolute/')).isDirectory()).toBe(true);
  });

  it('gives up links after 40 of them, and at loops', async () => {
    const { volume } = await withTree();
    await volume.symlink('a', '/l0');
    for (let index = 1; index <= 40; index++) await volume.symlink(`l${index - 1}`, `/l${index}`);
    expect((await volume.stat('/l39')).isDirectory()).toBe(true);
    await expect(volume.stat('/l40')).rejects.toMatchObject({ code: 'ELOOP' });
    await volume.symlink('loop', '/loop');
    await expect(volume.readFile('/loop/x')).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(volume.open('/loop', 'w')).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('asks for the last name only, while the directories on the way are fresh', async () => {
    const { memory, volume } = await withTree();
    await volume.stat('/a/b/file');
    memory.take();
    await volume.stat('/a/b/file');
    expect(memory.take()).toEqual(['lookup']);
  });

  it('asks for every name where entries are never believed', async () => {
    const memory = new MemoryVolume({ entryTimeout: 0 });
    const volume = memory.volume();
    await volume.mkdir('/a/b', { recursive: true });
    memory.take();
    await volume.stat('/a/b');
    await volume.stat('/a/b');
    expect(memory.take()).toEqual(['lookup', 'lookup', 'lookup', 'lookup']);
  });

  it('lets nobody pass a directory because somebody else was let', async () => {
    const { volume } = await withTree();
    const user = volume.as({ uid: 1000, gid: 1000, groups: [] });
    await volume.chmod('/a', 0o700);
    await volume.stat('/a/b/file');
    await expect(user.stat('/a/b/file')).rejects.toMatchObject({ code: 'EACCES' });
    await volume.chmod('/a', 0o711);
    expect((await user.stat('/a/b/file')).size).toBe(4);
  });

  it('looks everything up again when a directory on the way was replaced', async () => {
    const { memory, volume } = await withTree();
    await volume.stat('/a/b/file');
    // Another client: /a/b goes, and a new one comes.
    const a = memory.tree.child(memory.tree.root, 'a');
    const b = memory.tree.child(a, 'b');
    for (const name of [...b.entries.keys()]) memory.tree.remove(b, name);
    memory.tree.remove(a, 'b');
    const fresh = memory.tree.make(memory.tree.newGfid(), 0o040755);
    memory.tree.add(a, 'b', fresh);
    const file = memory.tree.make(memory.tree.newGfid(), 0o100644);
    memory.tree.add(fresh, 'file', file);
    memory.take();
    expect((await volume.stat('/a/b/file')).size).toBe(0);
    await volume.writeFile('/a/b/new', 'x');
    expect(fresh.entries.has('new')).toBe(true);
  });

  it('does not repeat for ever what stays stale', async () => {
    const { memory, volume } = await withTree();
    memory.before = ({ fop }) => {
      if (fop === 'lookup') throw new GlfsError('ESTALE');
    };
    await expect(volume.stat('/a')).rejects.toMatchObject({ code: 'ESTALE' });
    expect(memory.take()).toHaveLength(3);
  });

  it('starts relative paths of a view at its directory', async () => {
    const { volume } = await withTree();
    const view = await volume.at('/a/b');
    expect(await view.readFile('file', { encoding: 'utf8' })).toBe('text');
    expect(await view.realpath('..')).toBe('/a');
    expect(await view.realpath('/a')).toBe('/a');
    expect(await (await view.at('c')).realpath('.')).toBe('/a/b/c');
    using handle = await volume.handle('/a/b');
    const fromHandle = await volume.at(handle);
    expect(await fromHandle.readFile('c/../file', { encoding: 'utf8' })).toBe('text');
    expect(await fromHandle.realpath('c')).toBe('/a/b/c');
    expect(await fromHandle.realpath('..')).toBe('/a');
    await using file = await volume.open('/a/b/file');
    await expect(volume.at(file)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(volume.at('/a/b/file')).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

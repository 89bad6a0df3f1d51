import { expect } from 'vitest';
import {
  contents,
  fails,
  get,
  group,
  isThere,
  names,
  needing,
  O_RDONLY,
  O_RDWR,
  put,
  using,
} from '../trial.ts';

export const rename = group('rename', {
  'a file to a new name: the same file': async ({ fs }) => {
    await put(fs, 'old', 'contents', 0o640);
    const { ino } = await fs.stat('old');
    await fs.rename('old', 'new');
    expect(await names(fs)).toEqual(['new']);
    expect(await fs.stat('new')).toMatchObject({ ino, mode: 0o640, nlink: 1, size: 8 });
    expect(await get(fs, 'new')).toBe('contents');
  },
  'the old name is free at once': async ({ fs }) => {
    await put(fs, 'a', '1');
    await fs.rename('a', 'b');
    await fails('ENOENT', fs.stat('a'));
    await put(fs, 'a', '2');
    expect([await get(fs, 'a'), await get(fs, 'b')]).toEqual(['2', '1']);
  },
  'a file over a file replaces it': async ({ fs }) => {
    await put(fs, 'a', 'from a');
    await put(fs, 'b', 'from b');
    const { ino } = await fs.stat('a');
    await fs.rename('a', 'b');
    expect(await names(fs)).toEqual(['b']);
    expect(await get(fs, 'b')).toBe('from a');
    expect((await fs.stat('b')).ino).toBe(ino);
  },
  'who has the replaced file open keeps it': async ({ fs }) => {
    await put(fs, 'a', 'from a');
    await put(fs, 'b', 'from b');
    await using(fs.open('b', O_RDWR), async (file) => {
      await fs.rename('a', 'b');
      expect(await contents(file)).toBe('from b');
      expect((await file.stat()).nlink).toBe(0);
      await file.write('F', 0);
      expect(await contents(file)).toBe('From b');
    });
    expect(await get(fs, 'b')).toBe('from a');
  },
  'a replaced file keeps its other names': async ({ fs }) => {
    await put(fs, 'a', 'a');
    await put(fs, 'b', 'b');
    await fs.link('b', 'c');
    await fs.rename('a', 'b');
    expect(await get(fs, 'c')).toBe('b');
    expect((await fs.stat('c')).nlink).toBe(1);
  },
  'a file over a directory is EISDIR': async ({ fs }) => {
    await put(fs, 'file');
    await fs.mkdir('dir');
    await fails('EISDIR', fs.rename('file', 'dir'));
    expect(await names(fs)).toEqual(['dir', 'file']);
  },
  'a directory over a file is ENOTDIR': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.mkdir('dir');
    await fails('ENOTDIR', fs.rename('dir', 'file'));
    expect(await get(fs, 'file')).toBe('x');
  },
  'a directory to a new name takes along what is in it': async ({ fs }) => {
    await fs.mkdir('old');
    await fs.mkdir('old/sub');
    await put(fs, 'old/sub/file', 'deep');
    const { ino } = await fs.stat('old');
    await fs.rename('old', 'new');
    expect(await names(fs)).toEqual(['new']);
    expect((await fs.stat('new')).ino).toBe(ino);
    expect(await get(fs, 'new/sub/file')).toBe('deep');
    await fails('ENOENT', fs.stat('old/sub'));
  },
  'a directory over an empty one replaces it': async ({ fs }) => {
    await fs.mkdir('from');
    await put(fs, 'from/file', 'x');
    await fs.mkdir('to');
    const { ino } = await fs.stat('from');
    await fs.rename('from', 'to');
    expect(await names(fs)).toEqual(['to']);
    expect(await names(fs, 'to')).toEqual(['file']);
    expect((await fs.stat('to')).ino).toBe(ino);
  },
  'a directory over one with entries is ENOTEMPTY': async ({ fs }) => {
    await fs.mkdir('from');
    await fs.mkdir('to');
    await put(fs, 'to/file', 'x');
    await fails('ENOTEMPTY', fs.rename('from', 'to'));
    expect(await names(fs)).toEqual(['from', 'to']);
    expect(await get(fs, 'to/file')).toBe('x');
  },
  'a directory over one with a directory in it is ENOTEMPTY': async ({ fs }) => {
    await fs.mkdir('from');
    await fs.mkdir('to');
    await fs.mkdir('to/sub');
    await fails('ENOTEMPTY', fs.rename('from', 'to'));
    expect(await names(fs, 'to')).toEqual(['sub']);
  },
  'what is missing is ENOENT and leaves the target': async ({ fs }) => {
    await put(fs, 'there', 'x');
    await fails('ENOENT', fs.rename('missing', 'new'));
    await fails('ENOENT', fs.rename('missing', 'there'));
    await fails('ENOENT', fs.rename('missing/file', 'new'));
    expect(await names(fs)).toEqual(['there']);
    expect(await get(fs, 'there')).toBe('x');
  },
  'into a directory that is missing is ENOENT': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fails('ENOENT', fs.rename('file', 'missing/file'));
    expect(await get(fs, 'file')).toBe('x');
  },
  'below a file is ENOTDIR': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await put(fs, 'other', 'y');
    await fails('ENOTDIR', fs.rename('other', 'file/other'));
    await fails('ENOTDIR', fs.rename('file/other', 'new'));
    expect(await names(fs)).toEqual(['file', 'other']);
  },
  'onto itself does nothing': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.mkdir('dir');
    await put(fs, 'dir/file', 'y');
    await fs.rename('file', 'file');
    await fs.rename('dir', 'dir');
    expect(await names(fs)).toEqual(['dir', 'file']);
    expect([await get(fs, 'file'), await get(fs, 'dir/file')]).toEqual(['x', 'y']);
  },
  'onto another name of the same file does nothing: both stay': async ({ fs }) => {
    await put(fs, 'a', 'x');
    await fs.link('a', 'b');
    await fs.mkdir('dir');
    await fs.link('a', 'dir/c');
    await fs.rename('a', 'b');
    await fs.rename('b', 'dir/c');
    expect(await names(fs)).toEqual(['a', 'b', 'dir']);
    expect((await fs.stat('a')).nlink).toBe(3);
  },
  'a directory into itself is EINVAL': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.mkdir('dir/sub');
    await fails('EINVAL', fs.rename('dir', 'dir/new'));
    await fails('EINVAL', fs.rename('dir', 'dir/sub'));
    await fails('EINVAL', fs.rename('dir', 'dir/sub/new'));
    expect(await names(fs, 'dir')).toEqual(['sub']);
  },
  'a directory over one above it is ENOTEMPTY': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.mkdir('dir/sub');
    await fs.mkdir('dir/sub/deep');
    await fails('ENOTEMPTY', fs.rename('dir/sub', 'dir'));
    await fails('ENOTEMPTY', fs.rename('dir/sub/deep', 'dir'));
    expect(await names(fs, 'dir/sub')).toEqual(['deep']);
  },
  'a file over a directory above it is ENOTEMPTY': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'dir/file', 'x');
    await fails('ENOTEMPTY', fs.rename('dir/file', 'dir'));
    expect(await get(fs, 'dir/file')).toBe('x');
  },
  'a file from one directory to another': async ({ fs }) => {
    await fs.mkdir('a');
    await fs.mkdir('b');
    await put(fs, 'a/file', 'x');
    await fs.rename('a/file', 'b/moved');
    expect(await names(fs, 'a')).toEqual([]);
    expect(await names(fs, 'b')).toEqual(['moved']);
    expect(await get(fs, 'b/moved')).toBe('x');
  },
  'a directory from one directory to another: .. leads to the new one': async ({ fs }) => {
    await fs.mkdir('a');
    await fs.mkdir('a/dir');
    await fs.mkdir('b');
    await put(fs, 'b/mark', 'in b');
    await fs.rename('a/dir', 'b/dir');
    expect(await get(fs, 'b/dir/../mark')).toBe('in b');
    expect((await fs.stat('b/dir/..')).ino).toBe((await fs.stat('b')).ino);
  },
  'a directory to another one moves a link': needing('directory-links', async ({ fs }) => {
    await fs.mkdir('a');
    await fs.mkdir('a/dir');
    await fs.mkdir('b');
    await fs.rename('a/dir', 'b/dir');
    expect([(await fs.stat('a')).nlink, (await fs.stat('b')).nlink]).toEqual([2, 3]);
  }),
  'a link itself, dangling or not': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.symlink('file', 'link');
    await fs.symlink('missing', 'dangling');
    await fs.rename('link', 'l');
    await fs.rename('dangling', 'd');
    expect(await names(fs)).toEqual(['d', 'file', 'l']);
    expect((await fs.readlink('l')).toString()).toBe('file');
    expect((await fs.readlink('d')).toString()).toBe('missing');
  },
  'a file over a link replaces the link, not its target': async ({ fs }) => {
    await put(fs, 'target', 'target');
    await fs.symlink('target', 'link');
    await put(fs, 'file', 'new');
    await fs.rename('file', 'link');
    expect((await fs.lstat('link')).kind).toBe('file');
    expect([await get(fs, 'link'), await get(fs, 'target')]).toEqual(['new', 'target']);
  },
  'a link over a file replaces it': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await put(fs, 'target', 'y');
    await fs.symlink('target', 'link');
    await fs.rename('link', 'file');
    expect((await fs.readlink('file')).toString()).toBe('target');
    expect(await get(fs, 'file')).toBe('y');
  },
  'a link to a directory is no directory': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.mkdir('empty');
    await fs.symlink('dir', 'link');
    await fails('ENOTDIR', fs.rename('empty', 'link'));
    await fails('EISDIR', fs.rename('link', 'empty'));
    expect((await fs.lstat('link')).kind).toBe('symlink');
  },
  'a link over its own target': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.symlink('file', 'link');
    await fs.rename('link', 'file');
    expect(await names(fs)).toEqual(['file']);
    await fails('ELOOP', fs.stat('file'));
  },
  'a slash behind a file is ENOTDIR': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fails('ENOTDIR', fs.rename('file/', 'new'));
    await fails('ENOTDIR', fs.rename('file', 'new/'));
    expect(await names(fs)).toEqual(['file']);
  },
  'a slash behind a directory is fine': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.rename('dir/', 'one');
    await fs.rename('one', 'two/');
    expect(await names(fs)).toEqual(['two']);
  },
  '. and .. are EBUSY': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.mkdir('dir/sub');
    await fails('EBUSY', fs.rename('dir/.', 'new'));
    await fails('EBUSY', fs.rename('dir/sub/..', 'new'));
    await fails('EBUSY', fs.rename('dir', 'dir/sub/..'));
    expect(await names(fs)).toEqual(['dir']);
  },
  'there and back again, fifty times': async ({ fs, some }) => {
    await put(fs, 'a', 'x');
    for (let round = 0; round < some(25); round++) {
      await fs.rename('a', 'b');
      await fs.rename('b', 'a');
    }
    expect(await names(fs)).toEqual(['a']);
    expect(await get(fs, 'a')).toBe('x');
  },
  'a chain of names, one after the other': async ({ fs, some }) => {
    const last = some(30);
    await put(fs, 'n0', 'x');
    for (let step = 0; step < last; step++) await fs.rename(`n${step}`, `n${step + 1}`);
    expect(await names(fs)).toEqual([`n${last}`]);
    expect(await get(fs, `n${last}`)).toBe('x');
  },
  'as editors save: always the new one, never none': async ({ fs, some }) => {
    await put(fs, 'file', '0');
    for (let round = 1; round <= some(20); round++) {
      await put(fs, 'file.tmp', String(round));
      const [seen] = await Promise.all([get(fs, 'file'), fs.rename('file.tmp', 'file')]);
      expect([String(round), String(round - 1)]).toContain(seen);
      expect(await get(fs, 'file')).toBe(String(round));
    }
    expect(await names(fs)).toEqual(['file']);
  },
  'two swap by way of a third': async ({ fs }) => {
    await put(fs, 'a', 'a');
    await put(fs, 'b', 'b');
    await fs.rename('a', 'c');
    await fs.rename('b', 'a');
    await fs.rename('c', 'b');
    expect([await get(fs, 'a'), await get(fs, 'b')]).toEqual(['b', 'a']);
  },
  'an open file in a directory that moves': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'dir/file', 'x');
    await using(fs.open('dir/file', O_RDONLY), async (file) => {
      await fs.rename('dir', 'moved');
      expect(await contents(file)).toBe('x');
    });
    expect(await isThere(fs, 'dir')).toBe(false);
  },
  'attributes and mode of a directory go with it': async ({ fs }) => {
    await fs.mkdir('dir', 0o750);
    await fs.chmod('dir', 0o1750);
    await fs.mkdir('to');
    await fs.rename('dir', 'to/dir');
    expect(await fs.stat('to/dir')).toMatchObject({ kind: 'directory', mode: 0o1750 });
  },
});

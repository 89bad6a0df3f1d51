import { expect } from 'vitest';
import { contents, fails, get, group, names, needing, O_RDWR, outcomeOf, put, using } from '../trial.ts';

export const links = group('links', {
  'a second name of the same file': async ({ fs }) => {
    await put(fs, 'a', 'x');
    await fs.link('a', 'b');
    const [one, two] = [await fs.stat('a'), await fs.stat('b')];
    expect(two).toEqual(one);
    expect(one.nlink).toBe(2);
    await put(fs, 'b', 'by b');
    expect(await get(fs, 'a')).toBe('by b');
  },
  'unlink takes one name away': async ({ fs }) => {
    await put(fs, 'a', 'x');
    await fs.link('a', 'b');
    await fs.link('b', 'c');
    expect((await fs.stat('a')).nlink).toBe(3);
    await fs.unlink('a');
    expect((await fs.stat('c')).nlink).toBe(2);
    await fs.unlink('b');
    expect((await fs.stat('c')).nlink).toBe(1);
    expect(await get(fs, 'c')).toBe('x');
  },
  'in another directory': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'file', 'x');
    await fs.link('file', 'dir/twin');
    await fs.unlink('file');
    expect(await get(fs, 'dir/twin')).toBe('x');
  },
  'permissions are those of all names': async ({ fs }) => {
    await put(fs, 'a');
    await fs.link('a', 'b');
    await fs.chmod('a', 0o604);
    expect((await fs.stat('b')).mode).toBe(0o604);
  },
  'open files count, too': async ({ fs }) => {
    await put(fs, 'a', 'x');
    await using(fs.open('a', O_RDWR), async (file) => {
      await fs.link('a', 'b');
      expect((await file.stat()).nlink).toBe(2);
      await fs.unlink('a');
      expect((await file.stat()).nlink).toBe(1);
      await file.write('y', 0);
      expect(await contents(file)).toBe('y');
    });
    expect(await get(fs, 'b')).toBe('y');
  },
  'of a directory is EPERM': async ({ fs }) => {
    await fs.mkdir('dir');
    await fails('EPERM', fs.link('dir', 'twin'));
  },
  'over a name that is there is EEXIST': async ({ fs }) => {
    await put(fs, 'a', 'a');
    await put(fs, 'b', 'b');
    await fs.mkdir('dir');
    await fs.symlink('missing', 'dangling');
    for (const name of ['a', 'b', 'dir', 'dangling']) await fails('EEXIST', fs.link('a', name));
    expect(await get(fs, 'b')).toBe('b');
  },
  'of what is missing is ENOENT': async ({ fs }) => {
    await fails('ENOENT', fs.link('missing', 'new'));
    await put(fs, 'a');
    await fails('ENOENT', fs.link('a', 'missing/new'));
    expect(await names(fs)).toEqual(['a']);
  },
  'below a file is ENOTDIR': async ({ fs }) => {
    await put(fs, 'file');
    await put(fs, 'a');
    await fails('ENOTDIR', fs.link('a', 'file/new'));
    await fails('ENOTDIR', fs.link('file/a', 'new'));
  },
  'of a symbolic link is one of the link': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.symlink('file', 'link');
    await fs.symlink('missing', 'dangling');
    await fs.link('link', 'twin');
    await fs.link('dangling', 'second');
    expect((await fs.lstat('twin')).ino).toBe((await fs.lstat('link')).ino);
    expect((await fs.lstat('link')).nlink).toBe(2);
    expect((await fs.readlink('second')).toString()).toBe('missing');
    expect((await fs.stat('file')).nlink).toBe(1);
  },
  'of a fifo': needing('special-files', async ({ fs }) => {
    await fs.mknod('fifo', 'fifo');
    await fs.link('fifo', 'twin');
    expect(await fs.lstat('twin')).toMatchObject({ kind: 'fifo', nlink: 2 });
  }),
  'a slash behind a name': async ({ fs }) => {
    await put(fs, 'file');
    await fails('ENOTDIR', fs.link('file/', 'new'));
    await fails('ENOENT', fs.link('file', 'new/'));
  },
  'thirty names of one file': async ({ fs }) => {
    await put(fs, 'file', 'x');
    for (let index = 0; index < 30; index++) await fs.link('file', `n${index}`);
    expect((await fs.stat('n17')).nlink).toBe(31);
    for (let index = 0; index < 30; index++) await fs.unlink(`n${index}`);
    expect((await fs.stat('file')).nlink).toBe(1);
  },
  'a hundred and one names of one file': needing('many-names', async ({ fs }) => {
    await put(fs, 'file', 'x');
    for (let index = 2; index <= 100; index++) await fs.link('file', `n${index}`);
    expect((await fs.stat('file')).nlink).toBe(100);
    expect(await outcomeOf(fs.link('file', 'n101'))).toBe('success');
  }),
  'a new name of a file that was renamed': async ({ fs }) => {
    await put(fs, 'a', 'x');
    await fs.rename('a', 'b');
    await fs.link('b', 'a');
    await fs.rename('b', 'c');
    expect(await names(fs)).toEqual(['a', 'c']);
    expect((await fs.stat('c')).ino).toBe((await fs.stat('a')).ino);
  },
  'unlink, and the same name for another file': async ({ fs }) => {
    await put(fs, 'a', 'first');
    await fs.link('a', 'kept');
    await fs.unlink('a');
    await put(fs, 'a', 'second');
    expect([await get(fs, 'a'), await get(fs, 'kept')]).toEqual(['second', 'first']);
    expect((await fs.stat('a')).nlink).toBe(1);
  },
});

export const directoryLinks = group(
  'links of directories',
  {
    'a new directory has two': async ({ fs }) => {
      await fs.mkdir('dir');
      expect((await fs.stat('dir')).nlink).toBe(2);
    },
    'each directory in it is one more, files are none': async ({ fs }) => {
      await fs.mkdir('dir');
      for (const name of ['a', 'b', 'c']) await fs.mkdir(`dir/${name}`);
      await put(fs, 'dir/file');
      await fs.symlink('a', 'dir/link');
      expect((await fs.stat('dir')).nlink).toBe(5);
    },
    'rmdir takes one away': async ({ fs }) => {
      await fs.mkdir('dir');
      await fs.mkdir('dir/a');
      await fs.mkdir('dir/b');
      await fs.rmdir('dir/a');
      expect((await fs.stat('dir')).nlink).toBe(3);
    },
    'a rename within a directory changes none': async ({ fs }) => {
      await fs.mkdir('dir');
      await fs.mkdir('dir/a');
      await fs.rename('dir/a', 'dir/b');
      expect((await fs.stat('dir')).nlink).toBe(3);
    },
    'a rename over an empty directory takes one away': async ({ fs }) => {
      await fs.mkdir('dir');
      await fs.mkdir('dir/a');
      await fs.mkdir('dir/b');
      await fs.rename('dir/a', 'dir/b');
      expect((await fs.stat('dir')).nlink).toBe(3);
    },
  },
  ['directory-links'],
);

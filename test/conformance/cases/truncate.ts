import { expect } from 'vitest';
import { contents, fails, get, group, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, put, using } from '../trial.ts';

export const truncate = group('truncate', {
  'cuts by path': async ({ fs }) => {
    await put(fs, 'file', 'abcdef');
    await fs.truncate('file', 3);
    expect(await get(fs, 'file')).toBe('abc');
    expect((await fs.stat('file')).size).toBe(3);
  },
  'cuts to nothing, and blocks are given back': async ({ fs }) => {
    await put(fs, 'file', Buffer.alloc(100_000, 1));
    await fs.truncate('file', 0);
    expect(await fs.stat('file')).toMatchObject({ size: 0, blocks: 0 });
  },
  'grows by zeros': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await fs.truncate('file', 6);
    expect(await get(fs, 'file')).toBe('abc\0\0\0');
  },
  'to the size that it has leaves the contents': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await fs.truncate('file', 3);
    expect(await get(fs, 'file')).toBe('abc');
  },
  'cuts and grows an open file': async ({ fs }) => {
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      await file.write('abcdef');
      await file.truncate(2);
      expect(await contents(file)).toBe('ab');
      await file.truncate(4);
      expect(await contents(file)).toBe('ab\0\0');
      expect((await file.stat()).size).toBe(4);
    });
  },
  'leaves the position: the next write makes a hole': async ({ fs }) => {
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      await file.write('abcdef');
      await file.truncate(1);
      await file.write('!');
      expect(await contents(file)).toBe('a\0\0\0\0\0!');
    });
  },
  'by path is seen by open files and the other way round': async ({ fs }) => {
    await put(fs, 'file', 'abcdef');
    await using(fs.open('file', O_RDWR), async (file) => {
      await fs.truncate('file', 2);
      expect((await file.stat()).size).toBe(2);
      await file.truncate(9);
      expect((await fs.stat('file')).size).toBe(9);
    });
  },
  'follows a link': async ({ fs }) => {
    await put(fs, 'file', 'abcdef');
    await fs.symlink('file', 'link');
    await fs.truncate('link', 1);
    expect(await get(fs, 'file')).toBe('a');
  },
  'of a directory is EISDIR': async ({ fs }) => {
    await fs.mkdir('dir');
    await fails('EISDIR', fs.truncate('dir', 0));
  },
  'of what is missing is ENOENT': async ({ fs }) => {
    await fails('ENOENT', fs.truncate('missing', 0));
    await fs.symlink('missing', 'dangling');
    await fails('ENOENT', fs.truncate('dangling', 0));
    await fails('ENOENT', fs.truncate('missing/file', 0));
  },
  'below a file is ENOTDIR': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fails('ENOTDIR', fs.truncate('file/x', 0));
    await fails('ENOTDIR', fs.truncate('file/', 0));
  },
  'of a file that is open for reading is EINVAL': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await using(fs.open('file', O_RDONLY), (file) => fails('EINVAL', file.truncate(1)));
    expect(await get(fs, 'file')).toBe('abc');
  },
  'keeps permissions and links': async ({ fs }) => {
    await put(fs, 'file', 'abc', 0o640);
    await fs.link('file', 'twin');
    await fs.truncate('twin', 1);
    expect(await fs.stat('file')).toMatchObject({ mode: 0o640, nlink: 2, size: 1 });
  },
  'up and down many times': async ({ fs }) => {
    await using(fs.open('file', O_WRONLY | O_CREAT), async (file) => {
      for (const size of [10, 4096, 4095, 1_000_000, 1, 123_456, 0, 7]) {
        await file.truncate(size);
        expect((await file.stat()).size).toBe(size);
      }
    });
    expect(await get(fs, 'file')).toBe('\0'.repeat(7));
  },
  'while another writes behind the new end': async ({ fs }) => {
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      await file.write(Buffer.alloc(8192, 'a'));
      await file.truncate(100);
      await file.write('b', 200);
      const all = await contents(file);
      expect(all).toBe(`${'a'.repeat(100)}${'\0'.repeat(100)}b`);
    });
  },
});

import { expect } from 'vitest';
import type { OpenFile, Subject } from '../subject.ts';
import {
  contents,
  fails,
  get,
  group,
  isThere,
  names,
  needing,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  put,
  using,
} from '../trial.ts';

/** A file that is open and has no name any more. */
async function unlinked<T>(
  fs: Subject,
  use: (file: OpenFile) => Promise<T>,
  flags = O_RDWR | O_CREAT,
): Promise<T> {
  return using(fs.open('file', flags), async (file) => {
    await file.write('contents');
    await fs.unlink('file');
    return use(file);
  });
}

export const unlinkedFiles = group('unlinked open files', {
  'have no links': ({ fs }) =>
    unlinked(fs, async (file) => {
      expect(await file.stat()).toMatchObject({ kind: 'file', nlink: 0, size: 8 });
      expect(await isThere(fs, 'file')).toBe(false);
    }),
  'are read': ({ fs }) =>
    unlinked(fs, async (file) => {
      expect(await contents(file)).toBe('contents');
      expect((await file.read(3, 2)).toString()).toBe('nte');
    }),
  'are written': ({ fs }) =>
    unlinked(fs, async (file) => {
      await file.write('C', 0);
      await file.write(' and more', 8);
      expect(await contents(file)).toBe('Contents and more');
    }),
  'are appended to': ({ fs }) =>
    unlinked(
      fs,
      async (file) => {
        await file.write('!');
        expect(await contents(file)).toBe('contents!');
      },
      O_RDWR | O_CREAT | O_APPEND,
    ),
  'are cut and grown': ({ fs }) =>
    unlinked(fs, async (file) => {
      await file.truncate(3);
      await file.truncate(5);
      expect(await contents(file)).toBe('con\0\0');
    }),
  'are synced': ({ fs }) =>
    unlinked(fs, async (file) => {
      await file.sync();
      await file.datasync();
      expect((await file.stat()).size).toBe(8);
    }),
  'get other permissions': ({ fs }) =>
    unlinked(fs, async (file) => {
      await file.chmod(0o600);
      expect(await file.stat()).toMatchObject({ mode: 0o600, nlink: 0 });
    }),
  'get another owner': needing('root', ({ fs }) =>
    unlinked(fs, async (file) => {
      await file.chown(7, 8);
      expect(await file.stat()).toMatchObject({ uid: 7, gid: 8, nlink: 0 });
    }),
  ),
  'get other times': needing('nanoseconds', ({ fs }) =>
    unlinked(fs, async (file) => {
      await file.utimes(1_000_000_001n, 2_000_000_002n);
      expect((await file.stat()).mtime).toBe(2_000_000_002n);
    }),
  ),
  'have extended attributes': needing('xattrs', ({ fs }) =>
    unlinked(fs, async (file) => {
      await file.setxattr('user.a', 'x');
      expect((await file.getxattr('user.a')).toString()).toBe('x');
      await file.removexattr('user.a');
      expect(await file.listxattr()).toEqual([]);
    }),
  ),
  'are not what is made later of the same name': ({ fs }) =>
    unlinked(fs, async (file) => {
      await put(fs, 'file', 'another');
      expect((await fs.stat('file')).ino).not.toBe((await file.stat()).ino);
      await file.write('X', 0);
      expect(await contents(file)).toBe('Xontents');
      expect(await get(fs, 'file')).toBe('another');
    }),
  'of a second name keep the first': async ({ fs }) => {
    await put(fs, 'kept', 'x');
    await fs.link('kept', 'file');
    await using(fs.open('file', O_RDWR), async (file) => {
      await fs.unlink('file');
      expect((await file.stat()).nlink).toBe(1);
      await file.write('y', 0);
    });
    expect(await get(fs, 'kept')).toBe('y');
  },
  'open twice are the same file': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await using(fs.open('file', O_RDWR), (one) =>
      using(fs.open('file', O_RDONLY), async (two) => {
        await fs.unlink('file');
        await one.write('yz', 0);
        expect(await contents(two)).toBe('yz');
      }),
    );
    expect(await names(fs)).toEqual([]);
  },
  'can not be opened again': ({ fs }) =>
    unlinked(fs, async () => {
      await fails('ENOENT', fs.open('file', O_RDONLY));
    }),
  'removed by another client': needing('two-clients', async ({ fs }) => {
    const other = await fs.other();
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      await file.write('contents');
      await other.unlink('file');
      await file.write('C', 0);
      expect(await contents(file)).toBe('Contents');
      expect((await file.stat()).nlink).toBe(0);
    });
  }),
  'of a directory tree that is gone': async ({ fs }) => {
    await fs.mkdir('a');
    await fs.mkdir('a/b');
    await using(fs.open('a/b/file', O_RDWR | O_CREAT), async (file) => {
      await fs.unlink('a/b/file');
      await fs.rmdir('a/b');
      await fs.rmdir('a');
      await file.write('still');
      expect(await contents(file)).toBe('still');
    });
  },
});

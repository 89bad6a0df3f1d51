import { expect } from 'vitest';
import {
  contents,
  fails,
  get,
  group,
  isThere,
  modeOf,
  names,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TRUNC,
  O_WRONLY,
  put,
  using,
  usingAll,
} from '../trial.ts';

export const openFlags = group('open flags', {
  'a missing file is ENOENT without O_CREAT': async ({ fs }) => {
    for (const flags of [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_RDONLY | O_EXCL])
      await fails('ENOENT', fs.open('missing', flags));
    expect(await names(fs)).toEqual([]);
  },
  'the empty path is ENOENT': ({ fs }) => fails('ENOENT', fs.open('', O_RDONLY)),
  'O_CREAT makes an empty file with the permissions given': async ({ fs }) => {
    await using(fs.open('new', O_WRONLY | O_CREAT, 0o640), () => {});
    expect(await fs.stat('new')).toMatchObject({ kind: 'file', mode: 0o640, nlink: 1, size: 0 });
  },
  'O_CREAT leaves the contents and permissions of a file that is there': async ({ fs }) => {
    await put(fs, 'old', 'contents', 0o600);
    await using(fs.open('old', O_RDWR | O_CREAT, 0o644), () => {});
    expect(await get(fs, 'old')).toBe('contents');
    expect(await modeOf(fs, 'old')).toBe('600');
  },
  'O_CREAT of a read-only file: the one that made it writes': async ({ fs }) => {
    await using(fs.open('new', O_WRONLY | O_CREAT, 0o400), (file) => file.write('written'));
    expect(await get(fs, 'new')).toBe('written');
    expect(await modeOf(fs, 'new')).toBe('400');
  },
  'O_CREAT keeps the bits beyond rwx': async ({ fs }) => {
    await put(fs, 'set', '', 0o6755);
    await put(fs, 'sticky', '', 0o1644);
    expect([await modeOf(fs, 'set'), await modeOf(fs, 'sticky')]).toEqual(['6755', '1644']);
  },
  'O_CREAT | O_EXCL makes what is missing': async ({ fs }) => {
    await using(fs.open('new', O_WRONLY | O_CREAT | O_EXCL), (file) => file.write('x'));
    expect(await get(fs, 'new')).toBe('x');
  },
  'O_CREAT | O_EXCL on a file is EEXIST and leaves it': async ({ fs }) => {
    await put(fs, 'old', 'contents');
    await fails('EEXIST', fs.open('old', O_WRONLY | O_CREAT | O_EXCL));
    await fails('EEXIST', fs.open('old', O_WRONLY | O_CREAT | O_EXCL | O_TRUNC));
    expect(await get(fs, 'old')).toBe('contents');
  },
  'O_CREAT | O_EXCL on a directory is EEXIST': async ({ fs }) => {
    await fs.mkdir('dir');
    await fails('EEXIST', fs.open('dir', O_WRONLY | O_CREAT | O_EXCL));
  },
  'O_CREAT | O_EXCL follows no link, dangling or not': async ({ fs }) => {
    await put(fs, 'file');
    await fs.symlink('file', 'link');
    await fs.symlink('missing', 'dangling');
    await fails('EEXIST', fs.open('link', O_WRONLY | O_CREAT | O_EXCL));
    await fails('EEXIST', fs.open('dangling', O_WRONLY | O_CREAT | O_EXCL));
    expect(await isThere(fs, 'missing')).toBe(false);
  },
  'O_CREAT | O_EXCL by a link to a directory is EEXIST': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.symlink('dir', 'link');
    await fails('EEXIST', fs.open('link', O_RDONLY | O_CREAT | O_EXCL));
  },
  'O_CREAT by a dangling link makes its target': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.symlink('dir/target', 'link');
    await put(fs, 'link', 'by the link');
    expect(await get(fs, 'dir/target')).toBe('by the link');
    expect((await fs.lstat('link')).kind).toBe('symlink');
  },
  'O_TRUNC empties a file and keeps its permissions': async ({ fs }) => {
    await put(fs, 'old', 'contents', 0o600);
    await using(fs.open('old', O_WRONLY | O_TRUNC), async (file) => expect((await file.stat()).size).toBe(0));
    expect(await get(fs, 'old')).toBe('');
    expect(await modeOf(fs, 'old')).toBe('600');
  },
  'O_CREAT | O_TRUNC empties what is there and makes what is not': async ({ fs }) => {
    await put(fs, 'old', 'contents');
    for (const name of ['old', 'new'])
      await using(fs.open(name, O_WRONLY | O_CREAT | O_TRUNC), (file) => file.write('n'));
    expect([await get(fs, 'old'), await get(fs, 'new')]).toEqual(['n', 'n']);
  },
  'O_TRUNC by a link empties its target': async ({ fs }) => {
    await put(fs, 'file', 'contents');
    await fs.symlink('file', 'link');
    await using(fs.open('link', O_WRONLY | O_TRUNC), () => {});
    expect(await get(fs, 'file')).toBe('');
  },
  'O_TRUNC is seen by those who have the file open': async ({ fs }) => {
    await put(fs, 'old', 'contents');
    await using(fs.open('old', O_RDONLY), async (reader) => {
      await using(fs.open('old', O_WRONLY | O_TRUNC), () => {});
      expect((await reader.stat()).size).toBe(0);
      expect(await contents(reader)).toBe('');
    });
  },
  'O_DIRECTORY on a file is ENOTDIR': async ({ fs }) => {
    await put(fs, 'file');
    await fs.symlink('file', 'link');
    await fails('ENOTDIR', fs.open('file', O_RDONLY | O_DIRECTORY));
    await fails('ENOTDIR', fs.open('link', O_RDONLY | O_DIRECTORY));
    await fails('ENOENT', fs.open('missing', O_RDONLY | O_DIRECTORY));
  },
  'O_NOFOLLOW on a link is ELOOP': async ({ fs }) => {
    await put(fs, 'file');
    await fs.symlink('file', 'link');
    await fs.symlink('missing', 'dangling');
    for (const flags of [O_RDONLY, O_WRONLY, O_RDWR | O_CREAT, O_WRONLY | O_TRUNC]) {
      await fails('ELOOP', fs.open('link', flags | O_NOFOLLOW));
      await fails('ELOOP', fs.open('dangling', flags | O_NOFOLLOW));
    }
    expect(await names(fs)).toEqual(['dangling', 'file', 'link']);
  },
  'O_NOFOLLOW opens files, and follows links on the way': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'dir/file', 'x');
    await fs.symlink('dir', 'way');
    expect(await using(fs.open('way/file', O_RDONLY | O_NOFOLLOW), contents)).toBe('x');
  },
  'a directory opened for writing is EISDIR': async ({ fs }) => {
    await fs.mkdir('dir');
    for (const flags of [O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_RDONLY | O_CREAT, O_RDWR | O_CREAT])
      await fails('EISDIR', fs.open('dir', flags));
  },
  'a file below a file is ENOTDIR': async ({ fs }) => {
    await put(fs, 'file');
    for (const flags of [O_RDONLY, O_WRONLY | O_CREAT]) {
      await fails('ENOTDIR', fs.open('file/below', flags));
      await fails('ENOTDIR', fs.open('file/deep/below', flags));
    }
  },
  'a file in a directory that is missing is ENOENT': async ({ fs }) => {
    await fails('ENOENT', fs.open('missing/file', O_RDONLY));
    await fails('ENOENT', fs.open('missing/file', O_WRONLY | O_CREAT));
  },
  'a slash behind a file is ENOTDIR': async ({ fs }) => {
    await put(fs, 'file');
    await fails('ENOTDIR', fs.open('file/', O_RDONLY));
    await fails('ENOTDIR', fs.open('file/', O_RDWR));
    await fails('ENOTDIR', fs.open('file/.', O_RDONLY));
  },
  'O_CREAT of a name with a slash behind it is EISDIR': async ({ fs }) => {
    await fails('EISDIR', fs.open('new/', O_WRONLY | O_CREAT));
    expect(await names(fs)).toEqual([]);
  },
  'O_CREAT of . and .. is EISDIR': async ({ fs }) => {
    await fs.mkdir('dir');
    await fails('EISDIR', fs.open('dir/.', O_RDWR | O_CREAT));
    await fails('EISDIR', fs.open('dir/..', O_RDWR | O_CREAT));
  },
  'O_RDONLY: writing is EBADF, cutting EINVAL': async ({ fs }) => {
    await put(fs, 'file', 'contents');
    await using(fs.open('file', O_RDONLY), async (file) => {
      await fails('EBADF', file.write('x'));
      await fails('EBADF', file.write('x', 3));
      await fails('EINVAL', file.truncate(0));
    });
    expect(await get(fs, 'file')).toBe('contents');
  },
  'O_WRONLY: reading is EBADF': async ({ fs }) => {
    await put(fs, 'file', 'contents');
    await using(fs.open('file', O_WRONLY), async (file) => {
      await fails('EBADF', file.read(1));
      await fails('EBADF', file.read(1, 0));
      expect((await file.stat()).size).toBe(8);
    });
  },
  'O_RDWR reads what it writes': async ({ fs }) => {
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      expect(await file.write('hello, world')).toBe(12);
      expect((await file.read(100, 7)).toString()).toBe('world');
    });
  },
  'O_RDONLY | O_CREAT makes a file that can be read': async ({ fs }) => {
    await using(fs.open('new', O_RDONLY | O_CREAT, 0o600), async (file) => {
      expect(await file.read(10, 0)).toHaveLength(0);
      await fails('EBADF', file.write('x'));
    });
    expect(await names(fs)).toEqual(['new']);
  },
  'O_SYNC writes as any other': async ({ fs }) => {
    await using(fs.open('file', O_WRONLY | O_CREAT | O_SYNC), (file) => file.write('synced'));
    expect(await get(fs, 'file')).toBe('synced');
  },
  'each open file has a position of its own': async ({ fs }) => {
    await put(fs, 'file', 'abcdef');
    await usingAll(
      fs,
      [
        ['file', O_RDONLY],
        ['file', O_RDONLY],
      ],
      async (one, two) => {
        expect((await one!.read(2)).toString()).toBe('ab');
        expect((await two!.read(3)).toString()).toBe('abc');
        expect((await one!.read(2)).toString()).toBe('cd');
        expect((await two!.read(9)).toString()).toBe('def');
      },
    );
  },
  'what one has written the other reads at once': async ({ fs }) => {
    await usingAll(
      fs,
      [
        ['file', O_WRONLY | O_CREAT],
        ['file', O_RDONLY | O_CREAT],
      ],
      async (writer, reader) => {
        await writer!.write('one');
        expect((await reader!.read(10)).toString()).toBe('one');
        await writer!.write('two');
        expect((await reader!.read(10)).toString()).toBe('two');
      },
    );
  },
  'a file that is renamed while open stays the same file': async ({ fs }) => {
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      await file.write('before ');
      await fs.rename('file', 'moved');
      await put(fs, 'file', 'another');
      await file.write('after');
      expect(await contents(file)).toBe('before after');
    });
    expect([await get(fs, 'moved'), await get(fs, 'file')]).toEqual(['before after', 'another']);
  },
  'permissions taken away later do not matter to those who have it open': async ({ fs }) => {
    await put(fs, 'file', 'contents');
    await using(fs.open('file', O_RDWR), async (file) => {
      await fs.chmod('file', 0);
      await file.write('C', 0);
      expect(await contents(file)).toBe('Contents');
    });
  },
});

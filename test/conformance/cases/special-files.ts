import { expect } from 'vitest';
import { alice, fails, group, isThere, names, needing, put } from '../trial.ts';

export const specialFiles = group(
  'special files',
  {
    'fifos and sockets': async ({ fs }) => {
      await fs.mknod('fifo', 'fifo', 0o640);
      await fs.mknod('socket', 'socket', 0o600);
      expect(await fs.stat('fifo')).toMatchObject({ kind: 'fifo', mode: 0o640, size: 0, nlink: 1 });
      expect(await fs.stat('socket')).toMatchObject({ kind: 'socket', mode: 0o600, size: 0, nlink: 1 });
    },
    'plain files': async ({ fs }) => {
      await fs.mknod('file', 'file', 0o604);
      expect(await fs.stat('file')).toMatchObject({ kind: 'file', mode: 0o604, size: 0 });
      await put(fs, 'file', 'x');
    },
    'devices know their numbers': needing('devices', async ({ fs }) => {
      await fs.mknod('null', 'character', 0o666, { major: 1, minor: 3 });
      await fs.mknod('disk', 'block', 0o660, { major: 8, minor: 17 });
      expect(await fs.stat('null')).toMatchObject({ kind: 'character', rdev: 0x103n });
      expect(await fs.stat('disk')).toMatchObject({ kind: 'block', rdev: 0x811n });
    }),
    'are listed as what they are': needing('devices', async ({ fs }) => {
      await fs.mknod('a', 'fifo');
      await fs.mknod('b', 'socket');
      await fs.mknod('c', 'character', 0o600, { major: 1, minor: 5 });
      await fs.mknod('d', 'block', 0o600, { major: 7, minor: 0 });
      const directory = await fs.opendir('/');
      const found: string[] = [];
      for (let entry = await directory.read(); entry !== null; entry = await directory.read())
        found.push(`${entry.name} ${entry.kind}`);
      await directory.close();
      expect(found.sort()).toEqual(['a fifo', 'b socket', 'c character', 'd block']);
    }),
    'over a name that is there are EEXIST': async ({ fs }) => {
      await put(fs, 'file');
      await fs.mkdir('dir');
      await fs.symlink('missing', 'dangling');
      for (const name of ['file', 'dir', 'dangling']) await fails('EEXIST', fs.mknod(name, 'fifo'));
    },
    'where the parent is missing or a file': async ({ fs }) => {
      await put(fs, 'file');
      await fails('ENOENT', fs.mknod('missing/fifo', 'fifo'));
      await fails('ENOTDIR', fs.mknod('file/fifo', 'fifo'));
      await fails('ENOENT', fs.mknod('fifo/', 'fifo'));
      expect(await names(fs)).toEqual(['file']);
    },
    'are renamed, linked and removed': async ({ fs }) => {
      await fs.mknod('fifo', 'fifo');
      await fs.rename('fifo', 'moved');
      await fs.link('moved', 'twin');
      expect((await fs.lstat('moved')).nlink).toBe(2);
      await fs.unlink('moved');
      expect(await fs.lstat('twin')).toMatchObject({ kind: 'fifo', nlink: 1 });
      await fs.unlink('twin');
      expect(await isThere(fs, 'twin')).toBe(false);
    },
    'replace files and are replaced by them': async ({ fs }) => {
      await fs.mknod('fifo', 'fifo');
      await put(fs, 'file', 'x');
      await fs.rename('fifo', 'file');
      expect((await fs.lstat('file')).kind).toBe('fifo');
      await put(fs, 'new', 'y');
      await fs.rename('new', 'file');
      expect((await fs.lstat('file')).kind).toBe('file');
    },
    'get other permissions': async ({ fs }) => {
      await fs.mknod('fifo', 'fifo', 0o600);
      await fs.chmod('fifo', 0o4621);
      expect((await fs.stat('fifo')).mode).toBe(0o4621);
    },
    'get another owner': needing('root', async ({ fs }) => {
      await fs.mknod('fifo', 'fifo', 0o600);
      await fs.chown('fifo', 12, 13);
      expect(await fs.stat('fifo')).toMatchObject({ kind: 'fifo', uid: 12, gid: 13, mode: 0o600 });
    }),
    'by a link': async ({ fs }) => {
      await fs.mknod('fifo', 'fifo', 0o600);
      await fs.symlink('fifo', 'link');
      expect((await fs.stat('link')).kind).toBe('fifo');
    },
    'are no directories': async ({ fs }) => {
      await fs.mknod('fifo', 'fifo');
      await fails('ENOTDIR', fs.stat('fifo/x'));
      await fails('ENOTDIR', fs.rmdir('fifo'));
      await fails('ENOTDIR', fs.readdir('fifo'));
      await fails('EINVAL', fs.readlink('fifo'));
    },
    'users make fifos': needing('permissions', async ({ fs }) => {
      await fs.chmod('/', 0o777);
      await fs.as(alice).mknod('fifo', 'fifo', 0o600);
      expect(await fs.lstat('fifo')).toMatchObject({ kind: 'fifo', uid: alice.uid, gid: alice.gid });
    }),
    'users make no devices: EPERM': needing(['permissions', 'devices'], async ({ fs }) => {
      await fs.chmod('/', 0o777);
      await fails('EPERM', fs.as(alice).mknod('null', 'character', 0o666, { major: 1, minor: 3 }));
      expect(await names(fs)).toEqual([]);
    }),
  },
  ['special-files'],
);

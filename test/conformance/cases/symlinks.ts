import { expect } from 'vitest';
import { fails, get, group, isThere, names, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY, put } from '../trial.ts';

async function targetOf(fs: Parameters<typeof names>[0], path: string): Promise<string> {
  return (await fs.readlink(path)).toString();
}

export const symlinks = group('symbolic links', {
  'have the target that was given': async ({ fs }) => {
    for (const [index, target] of ['file', '../up', './a//b/', '/absolute', ' ', 'a b'].entries()) {
      await fs.symlink(target, `link${index}`);
      expect(await targetOf(fs, `link${index}`)).toBe(target);
    }
  },
  'are of their own kind, as long as their target': async ({ fs }) => {
    await fs.symlink('some/target', 'link');
    expect(await fs.lstat('link')).toMatchObject({ kind: 'symlink', size: 11, nlink: 1, mode: 0o777 });
  },
  'stat follows, lstat does not': async ({ fs }) => {
    await put(fs, 'file', 'abc', 0o640);
    await fs.symlink('file', 'link');
    expect(await fs.stat('link')).toEqual(await fs.stat('file'));
    expect((await fs.lstat('link')).ino).not.toBe((await fs.lstat('file')).ino);
  },
  'that dangle are ENOENT': async ({ fs }) => {
    await fs.symlink('missing', 'link');
    await fails('ENOENT', fs.stat('link'));
    await fails('ENOENT', fs.open('link', O_RDONLY));
    await fails('ENOENT', fs.chmod('link', 0o600));
    expect((await fs.lstat('link')).kind).toBe('symlink');
  },
  'reading and writing by them': async ({ fs }) => {
    await put(fs, 'file', 'old');
    await fs.symlink('file', 'link');
    expect(await get(fs, 'link')).toBe('old');
    await put(fs, 'link', 'new');
    expect(await get(fs, 'file')).toBe('new');
  },
  'to directories lead on': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.mkdir('dir/sub');
    await put(fs, 'dir/sub/file', 'x');
    await fs.symlink('dir/sub', 'link');
    expect(await get(fs, 'link/file')).toBe('x');
    await put(fs, 'link/new', 'y');
    expect(await names(fs, 'dir/sub')).toEqual(['file', 'new']);
  },
  '.. behind one is above its target': async ({ fs }) => {
    await fs.mkdir('a');
    await fs.mkdir('a/b');
    await put(fs, 'a/mark', 'in a');
    await put(fs, 'mark', 'outside');
    await fs.symlink('a/b', 'link');
    expect(await get(fs, 'link/../mark')).toBe('in a');
  },
  'in directories are seen from there': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'file', 'outside');
    await put(fs, 'dir/file', 'inside');
    await fs.symlink('file', 'dir/near');
    await fs.symlink('../file', 'dir/far');
    expect([await get(fs, 'dir/near'), await get(fs, 'dir/far')]).toEqual(['inside', 'outside']);
  },
  'through several to the end': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.symlink('file', 'l1');
    for (let index = 2; index <= 20; index++) await fs.symlink(`l${index - 1}`, `l${index}`);
    expect(await get(fs, 'l20')).toBe('x');
  },
  'forty in a row are followed, one more is ELOOP': async ({ fs }) => {
    await put(fs, 'l0', 'x');
    for (let index = 1; index <= 41; index++) await fs.symlink(`l${index - 1}`, `l${index}`);
    expect(await get(fs, 'l40')).toBe('x');
    await fails('ELOOP', fs.stat('l41'));
    await fails('ELOOP', fs.open('l41', O_RDONLY));
  },
  'to themselves and in circles are ELOOP': async ({ fs }) => {
    await fs.symlink('self', 'self');
    await fs.symlink('b', 'a');
    await fs.symlink('a', 'b');
    for (const path of ['self', 'a', 'b', 'self/below', 'a/x']) await fails('ELOOP', fs.stat(path));
    await fails('ELOOP', fs.open('self', O_RDONLY));
    await fails('ELOOP', fs.open('a', O_WRONLY | O_CREAT));
    await fails('ELOOP', fs.truncate('a', 0));
    await fails('ELOOP', fs.mkdir('self/dir'));
    expect(await targetOf(fs, 'self')).toBe('self');
  },
  'over a name that is there are EEXIST': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.mkdir('dir');
    await fs.symlink('file', 'link');
    for (const name of ['file', 'dir', 'link']) await fails('EEXIST', fs.symlink('target', name));
    expect(await targetOf(fs, 'link')).toBe('file');
  },
  'where the parent is missing or a file': async ({ fs }) => {
    await put(fs, 'file');
    await fails('ENOENT', fs.symlink('x', 'missing/link'));
    await fails('ENOTDIR', fs.symlink('x', 'file/link'));
    await fails('ENOENT', fs.symlink('x', 'new/'));
  },
  'to nothing are ENOENT': async ({ fs }) => {
    await fails('ENOENT', fs.symlink('', 'link'));
    expect(await names(fs)).toEqual([]);
  },
  'with targets of 4,095 bytes': async ({ fs }) => {
    const target = `${'d/'.repeat(2047)}f`;
    await fs.symlink(target, 'link');
    expect(await targetOf(fs, 'link')).toBe(target);
    expect((await fs.lstat('link')).size).toBe(4095);
  },
  'with targets of 4,096 bytes are ENAMETOOLONG': async ({ fs }) => {
    await fails('ENAMETOOLONG', fs.symlink('x'.repeat(4096), 'link'));
    expect(await names(fs)).toEqual([]);
  },
  'readlink of what is none is EINVAL': async ({ fs }) => {
    await put(fs, 'file');
    await fs.mkdir('dir');
    await fails('EINVAL', fs.readlink('file'));
    await fails('EINVAL', fs.readlink('dir'));
    await fails('ENOENT', fs.readlink('missing'));
    await fails('ENOTDIR', fs.readlink('file/x'));
  },
  'unlink removes the link and not its target': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.symlink('file', 'link');
    await fs.unlink('link');
    expect(await names(fs)).toEqual(['file']);
    await fs.mkdir('dir');
    await fs.symlink('dir', 'link');
    await fails('ENOTDIR', fs.unlink('link/'));
    await fs.unlink('link');
    expect(await isThere(fs, 'dir')).toBe(true);
  },
  'to a file are no directory': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.symlink('file', 'link');
    await fails('ENOTDIR', fs.stat('link/x'));
    await fails('ENOTDIR', fs.stat('link/'));
    await fails('ENOTDIR', fs.lstat('link/'));
  },
  'lstat with a slash behind a link follows': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.symlink('dir', 'link');
    expect((await fs.lstat('link/')).kind).toBe('directory');
    expect((await fs.lstat('link/.')).kind).toBe('directory');
    expect((await fs.lstat('link')).kind).toBe('symlink');
  },
  'whose target ends in a slash want a directory': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.mkdir('dir');
    await fs.symlink('file/', 'wrong');
    await fs.symlink('dir/', 'right');
    await fails('ENOTDIR', fs.stat('wrong'));
    await fails('ENOTDIR', fs.open('wrong', O_RDONLY));
    expect((await fs.stat('right')).kind).toBe('directory');
  },
  'chmod by one changes its target': async ({ fs }) => {
    await put(fs, 'file', '', 0o644);
    await fs.symlink('file', 'link');
    await fs.chmod('link', 0o600);
    expect((await fs.stat('file')).mode).toBe(0o600);
    expect((await fs.lstat('link')).mode).toBe(0o777);
  },
  'O_CREAT | O_EXCL in a directory behind one': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.symlink('dir', 'link');
    const file = await fs.open('link/new', O_WRONLY | O_CREAT | O_EXCL);
    await file.close();
    await fails('EEXIST', fs.open('dir/new', O_WRONLY | O_CREAT | O_EXCL));
  },
  'that get another target': async ({ fs }) => {
    await put(fs, 'one', '1');
    await put(fs, 'two', '2');
    await fs.symlink('one', 'link');
    expect(await get(fs, 'link')).toBe('1');
    await fs.symlink('two', 'link.tmp');
    await fs.rename('link.tmp', 'link');
    expect(await get(fs, 'link')).toBe('2');
    expect(await targetOf(fs, 'link')).toBe('two');
  },
  'whose target appears later': async ({ fs }) => {
    await fs.symlink('later', 'link');
    await fails('ENOENT', fs.stat('link'));
    await put(fs, 'later', 'x');
    expect(await get(fs, 'link')).toBe('x');
    await fs.unlink('later');
    await fails('ENOENT', fs.stat('link'));
  },
});

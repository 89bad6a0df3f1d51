import { expect } from 'vitest';
import { fails, get, group, isThere, names, O_CREAT, O_RDONLY, O_WRONLY, put } from '../trial.ts';

const longest = 'n'.repeat(255);
const tooLong = 'n'.repeat(256);

/** Names as bytes in hexadecimal, sorted. */
async function hexNames(fs: Parameters<typeof names>[0]): Promise<string[]> {
  return (await fs.readdir('/')).map((name) => name.toString('hex')).sort();
}

export const nameCases = group('names', {
  'of 255 bytes: files': async ({ fs }) => {
    await put(fs, longest, 'x');
    expect(await names(fs)).toEqual([longest]);
    expect(await get(fs, longest)).toBe('x');
    await fs.unlink(longest);
    expect(await names(fs)).toEqual([]);
  },
  'of 255 bytes: directories and what is in them': async ({ fs }) => {
    await fs.mkdir(longest);
    await put(fs, `${longest}/${longest}`, 'x');
    expect(await names(fs, longest)).toEqual([longest]);
    await fs.unlink(`${longest}/${longest}`);
    await fs.rmdir(longest);
  },
  'of 255 bytes: links of both kinds': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.symlink('file', longest);
    expect(await get(fs, longest)).toBe('x');
    await fs.unlink(longest);
    await fs.link('file', longest);
    expect((await fs.stat(longest)).nlink).toBe(2);
  },
  'of 255 bytes: renamed from and to': async ({ fs }) => {
    await put(fs, longest, 'x');
    await fs.rename(longest, 'short');
    await fs.rename('short', `${longest.slice(1)}m`);
    expect(await names(fs)).toEqual([`${longest.slice(1)}m`]);
  },
  'of 256 bytes: nothing can be made': async ({ fs }) => {
    await put(fs, 'file');
    await fs.mkdir('dir');
    await fails('ENAMETOOLONG', fs.open(tooLong, O_WRONLY | O_CREAT));
    await fails('ENAMETOOLONG', fs.mkdir(tooLong));
    await fails('ENAMETOOLONG', fs.symlink('file', tooLong));
    await fails('ENAMETOOLONG', fs.link('file', tooLong));
    await fails('ENAMETOOLONG', fs.rename('file', tooLong));
    await fails('ENAMETOOLONG', fs.rename('dir', `dir/${tooLong}`));
    expect(await names(fs)).toEqual(['dir', 'file']);
  },
  'of 256 bytes: nothing can be found': async ({ fs }) => {
    await fails('ENAMETOOLONG', fs.stat(tooLong));
    await fails('ENAMETOOLONG', fs.lstat(tooLong));
    await fails('ENAMETOOLONG', fs.open(tooLong, O_RDONLY));
    await fails('ENAMETOOLONG', fs.unlink(tooLong));
    await fails('ENAMETOOLONG', fs.rmdir(tooLong));
    await fails('ENAMETOOLONG', fs.rename(tooLong, 'new'));
    await fails('ENAMETOOLONG', fs.readdir(tooLong));
    await fails('ENAMETOOLONG', fs.stat(`${tooLong}/below`));
    await fails('ENAMETOOLONG', fs.readlink(tooLong));
  },
  'count in bytes, not in characters': async ({ fs }) => {
    const fits = '日'.repeat(85);
    await put(fs, fits, 'x');
    expect(await names(fs)).toEqual([fits]);
    await fails('ENAMETOOLONG', put(fs, `${fits}n`, 'x'));
    await fails('ENAMETOOLONG', fs.mkdir('é'.repeat(128)));
    await fs.mkdir(`${'é'.repeat(127)}n`);
  },
  'that are not UTF-8': async ({ fs }) => {
    const name = Buffer.from([0x66, 0xff, 0xfe, 0x80, 0x66]);
    await put(fs, name, 'bytes');
    expect(await hexNames(fs)).toEqual(['66fffe8066']);
    expect(await get(fs, name)).toBe('bytes');
    expect((await fs.stat(name)).size).toBe(5);
    const renamed = Buffer.from([0xc3]);
    await fs.rename(name, renamed);
    await fails('ENOENT', fs.stat(name));
    expect(await hexNames(fs)).toEqual(['c3']);
    await fs.unlink(renamed);
    expect(await hexNames(fs)).toEqual([]);
  },
  'that are not UTF-8: directories on a path': async ({ fs }) => {
    const directory = Buffer.from([0xe9, 0x74, 0xe9]);
    const file = Buffer.concat([directory, Buffer.from('/'), Buffer.from([0xa0])]);
    await fs.mkdir(directory);
    await put(fs, file, 'x');
    expect((await fs.readdir(directory)).map((name) => name.toString('hex'))).toEqual(['a0']);
    expect(await get(fs, file)).toBe('x');
    await fails('ENOTEMPTY', fs.rmdir(directory));
  },
  'that are not UTF-8, 255 bytes of them': async ({ fs }) => {
    await put(fs, Buffer.alloc(255, 0xf7), 'x');
    expect((await fs.readdir('/')).map(({ length }) => length)).toEqual([255]);
    await fails('ENAMETOOLONG', put(fs, Buffer.alloc(256, 0xf7), 'x'));
  },
  'that are not UTF-8 as targets of links': async ({ fs }) => {
    const name = Buffer.from([0xfe, 0xfd]);
    await put(fs, name, 'x');
    await fs.symlink(name, 'link');
    expect((await fs.readlink('link')).toString('hex')).toBe('fefd');
    expect(await get(fs, 'link')).toBe('x');
  },
  'of each single byte but NUL, slash and dot': async ({ fs, some }) => {
    const step = 255 / some(255);
    const bytes = Array.from({ length: 255 }, (_, index) => index + 1).filter(
      (byte) => byte !== 0x2f && byte !== 0x2e && byte % Math.floor(step) === 0,
    );
    for (const byte of bytes) await put(fs, Buffer.from([byte]));
    expect(await hexNames(fs)).toEqual(bytes.map((byte) => Buffer.from([byte]).toString('hex')).sort());
    for (const byte of bytes) await fs.unlink(Buffer.from([byte]));
    expect(await hexNames(fs)).toEqual([]);
  },
  'differ by case': async ({ fs }) => {
    await put(fs, 'name', 'small');
    await put(fs, 'NAME', 'large');
    expect(await names(fs)).toEqual(['NAME', 'name']);
    expect([await get(fs, 'name'), await get(fs, 'NAME')]).toEqual(['small', 'large']);
  },
  'differ by how accents are composed, and by encoding': async ({ fs }) => {
    const composed = Buffer.from('\u00e9');
    const decomposed = Buffer.from('e\u0301');
    const latin1 = Buffer.from([0xe9]);
    for (const name of [composed, decomposed, latin1]) await put(fs, name, name.toString('hex'));
    expect(await hexNames(fs)).toEqual(['65cc81', 'c3a9', 'e9']);
    expect(await get(fs, latin1)).toBe('e9');
  },
  'with what shells take for their own': async ({ fs }) => {
    const odd = [
      ' ',
      '  x',
      '-rf',
      '*',
      '?',
      '~',
      '$HOME',
      'a\nb',
      'a\tb',
      'a\\b',
      `"'`,
      '%s%n',
      '#',
      '\u007f',
    ];
    for (const name of odd) await put(fs, name, name);
    expect(await names(fs)).toEqual([...odd].sort());
    for (const name of odd) expect(await get(fs, name)).toBe(name);
  },
  'of dots': async ({ fs }) => {
    for (const name of ['...', '.hidden', '..two', 'end.', '. ']) await put(fs, name, name);
    expect(await names(fs)).toEqual(['. ', '...', '..two', '.hidden', 'end.']);
  },
  'as temporary files of rsync have them': async ({ fs }) => {
    for (const name of ['.file.Xy12Zq', '.a.b.c', '.file.', 'file.part', 'file~', '.#lock'])
      await put(fs, name, name);
    await fs.rename('.file.Xy12Zq', 'file');
    expect(await get(fs, 'file')).toBe('.file.Xy12Zq');
    expect(await names(fs)).toEqual(['.#lock', '.a.b.c', '.file.', 'file', 'file.part', 'file~']);
  },
  'as GlusterFS has them at the top of its bricks': async ({ fs }) => {
    await fs.mkdir('.glusterfs');
    await put(fs, '.glusterfs/indices', 'x');
    await put(fs, 'trusted.gfid', 'y');
    await fs.mkdir('.shard');
    expect(await names(fs)).toEqual(['.glusterfs', '.shard', 'trusted.gfid']);
    expect(await names(fs, '.glusterfs')).toEqual(['indices']);
  },
  'slashes may be doubled, dots left out': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'dir/file', 'x');
    for (const path of ['//dir//file', './dir/./file', 'dir/../dir/file', '/dir/.//../dir/file'])
      expect(await get(fs, path), path).toBe('x');
  },
  '.. of a file is ENOTDIR, of what is missing ENOENT': async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fails('ENOTDIR', fs.stat('file/..'));
    await fails('ENOTDIR', fs.stat('file/.'));
    await fails('ENOENT', fs.stat('missing/..'));
    expect(await isThere(fs, 'file')).toBe(true);
  },
  'that are the beginning of another': async ({ fs }) => {
    for (let length = 1; length <= 20; length++) await put(fs, 'a'.repeat(length), String(length));
    expect((await names(fs)).length).toBe(20);
    expect(await get(fs, 'a'.repeat(13))).toBe('13');
  },
});

export const deepPaths = group('deep paths', {
  'a hundred directories': async ({ fs, levels }) => {
    let path = '';
    for (let level = 0; level < levels; level++) {
      path += `/d${level}`;
      await fs.mkdir(path);
    }
    await put(fs, `${path}/file`, 'bottom');
    expect(await get(fs, `${path}/file`)).toBe('bottom');
    expect(await names(fs, path)).toEqual(['file']);
    await fs.rename('d0', 'top');
    const moved = path.replace('/d0/', '/top/');
    expect(await get(fs, `${moved}/file`)).toBe('bottom');
    await fails('ENOENT', fs.stat(path));
    await fs.unlink(`${moved}/file`);
    let at = moved;
    for (let level = 0; level < 10; level++, at = at.slice(0, at.lastIndexOf('/'))) await fs.rmdir(at);
    expect(await names(fs, at)).toEqual([]);
  },
  'up by .. as far as down': async ({ fs }) => {
    const path = Array.from({ length: 30 }, (_, level) => `d${level}`);
    for (let level = 1; level <= path.length; level++) await fs.mkdir(path.slice(0, level).join('/'));
    await put(fs, 'top', 'at the top');
    expect(await get(fs, `${path.join('/')}/${'../'.repeat(30)}top`)).toBe('at the top');
  },
  'a directory that is not empty far down': async ({ fs }) => {
    for (const path of ['a', 'a/b', 'a/b/c', 'a/b/c/d']) await fs.mkdir(path);
    await fails('ENOTEMPTY', fs.rmdir('a/b/c'));
    await fails('ENOTEMPTY', fs.rmdir('a'));
    await fs.rmdir('a/b/c/d');
    await fs.rmdir('a/b/c');
    expect(await names(fs, 'a/b')).toEqual([]);
  },
  'long names all the way': async ({ fs }) => {
    const parts = Array.from({ length: 12 }, (_, level) => String.fromCharCode(97 + level).repeat(255));
    for (let level = 1; level <= parts.length; level++) await fs.mkdir(parts.slice(0, level).join('/'));
    await put(fs, `${parts.join('/')}/file`, 'x');
    expect(await get(fs, `${parts.join('/')}/file`)).toBe('x');
  },
  'a path beyond 4,096 bytes is ENAMETOOLONG': async ({ fs }) => {
    await fs.mkdir('d');
    await fails('ENAMETOOLONG', fs.stat(`d/${'./'.repeat(2100)}`));
    await fails('ENAMETOOLONG', fs.mkdir(`${'./'.repeat(2500)}new`));
  },
});

import { expect } from 'vitest';
import { fails, get, group, names, needing, O_RDONLY, put, rest, using } from '../trial.ts';

export const directories = group('directories', {
  'mkdir makes an empty one': async ({ fs }) => {
    await fs.mkdir('dir', 0o750);
    expect(await fs.stat('dir')).toMatchObject({ kind: 'directory', mode: 0o750 });
    expect(await names(fs, 'dir')).toEqual([]);
  },
  'mkdir over anything is EEXIST': async ({ fs }) => {
    await put(fs, 'file');
    await fs.mkdir('dir');
    await fs.symlink('missing', 'dangling');
    await fs.symlink('dir', 'link');
    for (const name of ['file', 'dir', 'dangling', 'link']) await fails('EEXIST', fs.mkdir(name));
    expect(await names(fs)).toEqual(['dangling', 'dir', 'file', 'link']);
  },
  'mkdir of . and .. is EEXIST': async ({ fs }) => {
    await fs.mkdir('dir');
    await fails('EEXIST', fs.mkdir('dir/.'));
    await fails('EEXIST', fs.mkdir('dir/..'));
  },
  'mkdir where the parent is missing or a file': async ({ fs }) => {
    await put(fs, 'file');
    await fails('ENOENT', fs.mkdir('missing/dir'));
    await fails('ENOTDIR', fs.mkdir('file/dir'));
  },
  'mkdir and rmdir with a slash behind the name': async ({ fs }) => {
    await fs.mkdir('dir/');
    expect(await names(fs)).toEqual(['dir']);
    await fs.rmdir('dir/');
    expect(await names(fs)).toEqual([]);
  },
  'mkdir by a link in the path': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.symlink('dir', 'link');
    await fs.mkdir('link/sub');
    expect(await names(fs, 'dir')).toEqual(['sub']);
  },
  'mkdir keeps the sticky bit': async ({ fs }) => {
    await fs.mkdir('dir', 0o1770);
    expect((await fs.stat('dir')).mode).toBe(0o1750);
  },
  'rmdir of one with entries is ENOTEMPTY': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'dir/file');
    await fails('ENOTEMPTY', fs.rmdir('dir'));
    await fs.unlink('dir/file');
    await fs.mkdir('dir/sub');
    await fails('ENOTEMPTY', fs.rmdir('dir'));
    await fs.rmdir('dir/sub');
    await fs.symlink('missing', 'dir/dangling');
    await fails('ENOTEMPTY', fs.rmdir('dir'));
    await fs.unlink('dir/dangling');
    await fs.rmdir('dir');
    await fails('ENOENT', fs.stat('dir'));
  },
  'rmdir of what is none': async ({ fs }) => {
    await put(fs, 'file');
    await fs.mkdir('dir');
    await fs.symlink('dir', 'link');
    await fails('ENOENT', fs.rmdir('missing'));
    await fails('ENOTDIR', fs.rmdir('file'));
    await fails('ENOTDIR', fs.rmdir('link'));
    await fails('ENOTDIR', fs.rmdir('file/below'));
    expect(await names(fs)).toEqual(['dir', 'file', 'link']);
  },
  'rmdir of . is EINVAL, of .. ENOTEMPTY': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.mkdir('dir/sub');
    await fails('EINVAL', fs.rmdir('dir/sub/.'));
    await fails('ENOTEMPTY', fs.rmdir('dir/sub/..'));
    expect(await names(fs, 'dir')).toEqual(['sub']);
  },
  'unlink of a directory is EISDIR': async ({ fs }) => {
    await fs.mkdir('dir');
    await fails('EISDIR', fs.unlink('dir'));
    await fails('EISDIR', fs.unlink('dir/'));
    expect(await names(fs)).toEqual(['dir']);
  },
  'unlink of what is missing': async ({ fs }) => {
    await put(fs, 'file');
    await fails('ENOENT', fs.unlink('missing'));
    await fails('ENOENT', fs.unlink('missing/file'));
    await fails('ENOTDIR', fs.unlink('file/below'));
    await fails('ENOTDIR', fs.unlink('file/'));
    expect(await names(fs)).toEqual(['file']);
  },
  'gone and made again is another one': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'dir/old');
    await fs.unlink('dir/old');
    await fs.rmdir('dir');
    await fs.mkdir('dir');
    expect(await names(fs, 'dir')).toEqual([]);
    await put(fs, 'dir/new', 'x');
    expect(await get(fs, 'dir/new')).toBe('x');
  },
  'a file in the place of a directory and back': async ({ fs }) => {
    await fs.mkdir('it');
    await fs.rmdir('it');
    await put(fs, 'it', 'file');
    expect(await get(fs, 'it')).toBe('file');
    await fs.unlink('it');
    await fs.mkdir('it');
    await put(fs, 'it/below', 'x');
    expect(await names(fs, 'it')).toEqual(['below']);
  },
  'an open file in a directory that is gone': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'dir/file', 'x');
    await using(fs.open('dir/file', O_RDONLY), async (file) => {
      await fs.unlink('dir/file');
      await fs.rmdir('dir');
      expect((await file.read(10, 0)).toString()).toBe('x');
    });
    await fails('ENOENT', fs.stat('dir'));
  },
  'nothing can be made in a directory that is gone': async ({ fs }) => {
    await fs.mkdir('dir');
    await fs.mkdir('dir/sub');
    await fs.rmdir('dir/sub');
    await fs.rmdir('dir');
    await fails('ENOENT', put(fs, 'dir/file'));
    await fails('ENOENT', fs.mkdir('dir/sub'));
    await fails('ENOENT', fs.symlink('x', 'dir/link'));
    await fails('ENOENT', fs.readdir('dir'));
  },
});

export const readdir = group('readdir', {
  'of an empty directory': async ({ fs }) => {
    await fs.mkdir('dir');
    expect(await fs.readdir('dir')).toEqual([]);
  },
  'tells each kind': async ({ fs }) => {
    await put(fs, 'file');
    await fs.mkdir('dir');
    await fs.symlink('missing', 'link');
    const directory = await fs.opendir('/');
    const kinds: string[] = [];
    for (let entry = await directory.read(); entry !== null; entry = await directory.read())
      kinds.push(`${entry.name} ${entry.kind}`);
    await directory.close();
    expect(kinds.sort()).toEqual(['dir directory', 'file file', 'link symlink']);
  },
  'of what is no directory': async ({ fs }) => {
    await put(fs, 'file');
    await fs.symlink('file', 'link');
    await fs.symlink('missing', 'dangling');
    await fails('ENOTDIR', fs.readdir('file'));
    await fails('ENOTDIR', fs.readdir('link'));
    await fails('ENOENT', fs.readdir('missing'));
    await fails('ENOENT', fs.readdir('dangling'));
    await fails('ENOTDIR', fs.opendir('file'));
  },
  'follows a link to a directory': async ({ fs }) => {
    await fs.mkdir('dir');
    await put(fs, 'dir/file');
    await fs.symlink('dir', 'link');
    expect(await names(fs, 'link')).toEqual(['file']);
    expect(await names(fs, 'link/')).toEqual(['file']);
  },
  'lists what was made, renamed and removed': async ({ fs }) => {
    for (const name of ['a', 'b', 'c', 'd']) await put(fs, name);
    await fs.rename('a', 'z');
    await fs.unlink('b');
    await fs.link('c', 'cc');
    await fs.mkdir('e');
    expect(await names(fs)).toEqual(['c', 'cc', 'd', 'e', 'z']);
  },
  'names of all lengths': async ({ fs, some }) => {
    const count = some(64);
    const all = Array.from({ length: count }, (_, index) => 'n'.repeat(1 + index * (256 / count)));
    for (const name of all) await put(fs, name);
    expect(await names(fs)).toEqual(all);
  },
  'two at once have their own places': async ({ fs, some }) => {
    const all = Array.from({ length: some(100) }, (_, index) => `f${String(index).padStart(3, '0')}`);
    for (const name of all) await put(fs, name);
    const [one, two] = [await fs.opendir('/', 8), await fs.opendir('/', 8)];
    const first: string[] = [];
    for (let count = 0; count < all.length / 3; count++) first.push((await one.read())!.name.toString());
    const second = await rest(two);
    first.push(...(await rest(one)));
    await one.close();
    await two.close();
    expect(first.sort()).toEqual(all);
    expect(second.sort()).toEqual(all);
  },
  'at its end it stays there': async ({ fs }) => {
    await put(fs, 'file');
    const directory = await fs.opendir('/');
    expect(await rest(directory)).toEqual(['file']);
    expect(await directory.read()).toBeNull();
    expect(await directory.read()).toBeNull();
    await directory.close();
  },
  'while others are made: what was there is listed once': async ({ fs, some }) => {
    const all = Array.from({ length: some(200) }, (_, index) => `old-${index}`);
    for (const name of all) await put(fs, name);
    const directory = await fs.opendir('/', 16);
    const found: string[] = [];
    for (let entry = await directory.read(), made = 0; entry !== null; entry = await directory.read()) {
      found.push(entry.name.toString());
      if (found.length % 2 === 0 && made < all.length / 2) await put(fs, `new-${made++}`);
    }
    await directory.close();
    expect(found.filter((name) => name.startsWith('old-')).sort()).toEqual([...all].sort());
    expect(new Set(found).size).toBe(found.length);
  },
  'while others are removed: what stays is listed once': async ({ fs, some }) => {
    const all = Array.from({ length: some(200) }, (_, index) => `f${index}`);
    for (const name of all) await put(fs, name);
    const removed = new Set<string>();
    const directory = await fs.opendir('/', 16);
    const found: string[] = [];
    for (let entry = await directory.read(); entry !== null; entry = await directory.read()) {
      const name = entry.name.toString();
      found.push(name);
      // The one just listed, and one from anywhere.
      for (const victim of [name, `f${(found.length * 7) % all.length}`]) {
        if (found.length % 3 !== 0 || removed.has(victim)) continue;
        await fs.unlink(victim);
        removed.add(victim);
      }
    }
    await directory.close();
    const kept = all.filter((name) => !removed.has(name));
    expect(kept.length).toBeGreaterThan(all.length / 5);
    expect(found.filter((name) => !removed.has(name)).sort()).toEqual(kept.sort());
    expect(new Set(found).size).toBe(found.length);
    expect(await names(fs)).toEqual(kept.sort());
  },
  'while what is listed is removed, as rm -r does': async ({ fs, some }) => {
    const all = some(150);
    for (let index = 0; index < all; index++) await put(fs, `f${index}`);
    const directory = await fs.opendir('/', 16);
    let count = 0;
    for (let entry = await directory.read(); entry !== null; entry = await directory.read()) {
      await fs.unlink(entry.name);
      count++;
    }
    await directory.close();
    expect(count).toBe(all);
    expect(await names(fs)).toEqual([]);
  },
  'while others are renamed: what is not is listed once': async ({ fs, some }) => {
    const moving = some(40);
    const all = Array.from({ length: some(120) }, (_, index) => `keep-${index}`);
    for (const name of all) await put(fs, name);
    for (let index = 0; index < moving; index++) await put(fs, `move-${index}`);
    const directory = await fs.opendir('/', 16);
    const found: string[] = [];
    for (let entry = await directory.read(), moved = 0; entry !== null; entry = await directory.read()) {
      found.push(entry.name.toString());
      if (moved < moving) await fs.rename(`move-${moved}`, `gone-${moved++}`);
    }
    await directory.close();
    expect(found.filter((name) => name.startsWith('keep-')).sort()).toEqual([...all].sort());
  },
  'of a directory that is gone is empty': async ({ fs }) => {
    await fs.mkdir('dir');
    const directory = await fs.opendir('dir');
    await fs.rmdir('dir');
    expect(await rest(directory)).toEqual([]);
    await directory.close();
  },
  'by another client': needing('two-clients', async ({ fs }) => {
    const other = await fs.other();
    for (let index = 0; index < 20; index++) await put(index % 2 ? fs : other, `f${index}`);
    expect(await names(other)).toEqual(await names(fs));
    expect((await names(fs)).length).toBe(20);
  }),
});

import { expect } from 'vitest';
import {
  contents,
  fails,
  get,
  group,
  isThere,
  names,
  needing,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  outcomeOf,
  put,
  using,
} from '../trial.ts';

export const clients = group(
  'two clients',
  {
    'see what the other makes, changes and removes': async ({ fs }) => {
      const other = await fs.other();
      expect(await isThere(other, 'file')).toBe(false);
      await put(fs, 'file', 'one');
      expect(await get(other, 'file')).toBe('one');
      await put(other, 'file', 'two');
      expect(await get(fs, 'file')).toBe('two');
      await other.unlink('file');
      await fails('ENOENT', fs.stat('file'));
      expect(await names(fs)).toEqual([]);
    },
    'see data as soon as they are written': async ({ fs }) => {
      const other = await fs.other();
      await using(fs.open('file', O_WRONLY | O_CREAT), (writer) =>
        using(other.open('file', O_RDONLY), async (reader) => {
          for (let round = 0; round < 10; round++) {
            await writer.write(`${round}`);
            expect((await reader.stat()).size).toBe(round + 1);
            expect((await reader.read(10, round)).toString()).toBe(`${round}`);
          }
        }),
      );
    },
    'see names move': async ({ fs }) => {
      const other = await fs.other();
      await fs.mkdir('dir');
      await put(fs, 'dir/file', 'x');
      expect(await get(other, 'dir/file')).toBe('x');
      await other.rename('dir/file', 'moved');
      expect(await get(fs, 'moved')).toBe('x');
      await fails('ENOENT', fs.stat('dir/file'));
      await fs.rename('moved', 'dir/back');
      expect(await names(other, 'dir')).toEqual(['back']);
    },
    'see attributes change': async ({ fs }) => {
      const other = await fs.other();
      await put(fs, 'file', 'x', 0o644);
      expect((await other.stat('file')).mode).toBe(0o644);
      await fs.chmod('file', 0o600);
      expect((await other.stat('file')).mode).toBe(0o600);
      await other.truncate('file', 10);
      expect((await fs.stat('file')).size).toBe(10);
    },
    'see the same inode numbers': async ({ fs }) => {
      const other = await fs.other();
      await put(fs, 'file');
      await fs.mkdir('dir');
      for (const name of ['file', 'dir'])
        expect((await other.stat(name)).ino).toBe((await fs.stat(name)).ino);
    },
    'race for O_EXCL: one wins': async ({ fs }) => {
      const other = await fs.other();
      for (let round = 0; round < 10; round++) {
        const open = (client: typeof fs): Promise<string> =>
          outcomeOf(using(client.open(`lock${round}`, O_WRONLY | O_CREAT | O_EXCL), () => {}));
        expect((await Promise.all([open(fs), open(other)])).sort()).toEqual(['EEXIST', 'success']);
      }
    },
    'race for mkdir: one wins': async ({ fs }) => {
      const other = await fs.other();
      for (let round = 0; round < 10; round++) {
        const made = [fs, other].map((client) => outcomeOf(client.mkdir(`dir${round}`)));
        expect((await Promise.all(made)).sort()).toEqual(['EEXIST', 'success']);
      }
      expect((await names(fs)).length).toBe(10);
    },
    'race for unlink: one wins': async ({ fs }) => {
      const other = await fs.other();
      for (let round = 0; round < 10; round++) {
        await put(fs, 'file');
        const gone = [fs, other].map((client) => outcomeOf(client.unlink('file')));
        expect((await Promise.all(gone)).sort()).toEqual(['ENOENT', 'success']);
      }
    },
    'race for link: one wins': async ({ fs }) => {
      const other = await fs.other();
      await put(fs, 'a', 'a');
      await put(fs, 'b', 'b');
      for (let round = 0; round < 5; round++) {
        const made = [outcomeOf(fs.link('a', `new${round}`)), outcomeOf(other.link('b', `new${round}`))];
        expect((await Promise.all(made)).sort()).toEqual(['EEXIST', 'success']);
      }
    },
    'fill one directory': async ({ fs }) => {
      const other = await fs.other();
      await fs.mkdir('dir');
      await Promise.all(
        Array.from({ length: 40 }, (_, index) => put(index % 2 ? fs : other, `dir/f${index}`, String(index))),
      );
      expect((await names(fs, 'dir')).length).toBe(40);
      expect(await get(other, 'dir/f17')).toBe('17');
    },
    'write different halves of a file': async ({ fs }) => {
      const other = await fs.other();
      await using(fs.open('file', O_RDWR | O_CREAT), (one) =>
        using(other.open('file', O_RDWR), async (two) => {
          await Promise.all([
            one.write(Buffer.alloc(50_000, 'a'), 0),
            two.write(Buffer.alloc(50_000, 'b'), 50_000),
          ]);
          expect(await contents(one)).toBe('a'.repeat(50_000) + 'b'.repeat(50_000));
          expect(await contents(two)).toBe(await contents(one));
        }),
      );
    },
    'a directory that the other has replaced': needing('fresh-names', async ({ fs }) => {
      const other = await fs.other();
      await fs.mkdir('dir');
      await put(fs, 'dir/old', 'old');
      expect(await get(other, 'dir/old')).toBe('old');
      await fs.rename('dir', 'away');
      await fs.mkdir('dir');
      await put(fs, 'dir/new', 'new');
      expect(await get(other, 'dir/new')).toBe('new');
      expect(await get(other, 'away/old')).toBe('old');
    }),
  },
  ['two-clients'],
);

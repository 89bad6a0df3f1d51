import { expect } from 'vitest';
import {
  contents,
  get,
  group,
  needing,
  O_APPEND,
  O_CREAT,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  put,
  using,
  usingAll,
} from '../trial.ts';

const appending = O_WRONLY | O_APPEND;

export const append = group('append', {
  'writes go to the end': async ({ fs }) => {
    await put(fs, 'file', 'one ');
    await using(fs.open('file', appending), async (file) => {
      expect(await file.write('two ')).toBe(4);
      expect(await file.write('three')).toBe(5);
    });
    expect(await get(fs, 'file')).toBe('one two three');
  },
  'O_CREAT | O_APPEND makes the file': async ({ fs }) => {
    await using(fs.open('new', appending | O_CREAT), (file) => file.write('first'));
    await using(fs.open('new', appending | O_CREAT), (file) => file.write(' second'));
    expect(await get(fs, 'new')).toBe('first second');
  },
  'two open files take turns and lose nothing': async ({ fs }) => {
    await usingAll(
      fs,
      [
        ['file', appending | O_CREAT],
        ['file', appending],
      ],
      async (one, two) => {
        for (let round = 0; round < 20; round++) {
          await one!.write(`a${round};`);
          await two!.write(`b${round};`);
        }
      },
    );
    const expected = Array.from({ length: 20 }, (_, round) => `a${round};b${round};`).join('');
    expect(await get(fs, 'file')).toBe(expected);
  },
  'two open files at the same time lose nothing': async ({ fs }) => {
    const words = Array.from({ length: 30 }, (_, index) => String(1000 + index));
    await usingAll(
      fs,
      [
        ['file', appending | O_CREAT],
        ['file', appending],
      ],
      async (one, two) => {
        await Promise.all(words.flatMap((word) => [one!.write(`a${word}`), two!.write(`b${word}`)]));
      },
    );
    const found = (await get(fs, 'file')).match(/[ab]\d{4}/g);
    expect(found?.sort()).toEqual([...words.map((word) => `a${word}`), ...words.map((word) => `b${word}`)]);
  },
  'two clients take turns and lose nothing': needing('two-clients', async ({ fs }) => {
    const other = await fs.other();
    await using(fs.open('file', appending | O_CREAT), (ours) =>
      using(other.open('file', appending), async (theirs) => {
        for (let round = 0; round < 10; round++) {
          await ours.write(`a${round};`);
          await theirs.write(`b${round};`);
        }
      }),
    );
    expect(await get(fs, 'file')).toBe(
      Array.from({ length: 10 }, (_, round) => `a${round};b${round};`).join(''),
    );
  }),
  'a position given with a write is not heeded': async ({ fs }) => {
    await put(fs, 'file', '0123456789');
    await using(fs.open('file', appending), (file) => file.write('end', 2));
    expect(await get(fs, 'file')).toBe('0123456789end');
  },
  'reading starts at the beginning': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await using(fs.open('file', O_RDWR | O_APPEND), async (file) => {
      expect((await file.read(2)).toString()).toBe('ab');
      expect((await file.read(2)).toString()).toBe('c');
    });
  },
  'a write moves the position to the end': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await using(fs.open('file', O_RDWR | O_APPEND), async (file) => {
      await file.write('de');
      expect(await file.read(9)).toHaveLength(0);
      expect((await file.read(9, 1)).toString()).toBe('bcde');
    });
  },
  'the end is where it is now, not where it was': async ({ fs }) => {
    await put(fs, 'file', 'long contents');
    await using(fs.open('file', appending), async (file) => {
      await fs.truncate('file', 4);
      await file.write('!');
      expect((await file.stat()).size).toBe(5);
      await put(fs, 'file', 'replaced');
      await file.write('?');
    });
    expect(await get(fs, 'file')).toBe('replaced?');
  },
  'behind a hole at the end': async ({ fs }) => {
    await put(fs, 'file', 'a');
    await using(fs.open('file', appending), async (file) => {
      await file.truncate(4);
      await file.write('b');
    });
    expect(await get(fs, 'file')).toBe('a\0\0\0b');
  },
  'O_APPEND | O_TRUNC begins anew': async ({ fs }) => {
    await put(fs, 'file', 'old');
    await using(fs.open('file', appending | O_TRUNC), async (file) => {
      await file.write('n');
      await file.write('ew');
    });
    expect(await get(fs, 'file')).toBe('new');
  },
  'a write of nothing adds nothing': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await using(fs.open('file', O_RDWR | O_APPEND), async (file) => {
      expect(await file.write('')).toBe(0);
      expect(await contents(file)).toBe('abc');
    });
  },
});

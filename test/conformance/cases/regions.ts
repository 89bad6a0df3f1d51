import { expect } from 'vitest';
import {
  contents,
  fails,
  get,
  group,
  numbered,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  put,
  using,
} from '../trial.ts';

const making = O_RDWR | O_CREAT;
const MiB = 2 ** 20;
const BLOCK = 65_536;

export const seeking = group(
  'data and holes',
  {
    'are found where they are': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        await file.write(Buffer.alloc(BLOCK, 1), MiB);
        await file.truncate(4 * MiB);
        await file.sync();
        expect(await file.seekData(0)).toBe(MiB);
        expect(await file.seekData(MiB + 100)).toBe(MiB + 100);
        expect(await file.seekHole(0)).toBe(0);
        expect(await file.seekHole(MiB)).toBe(MiB + BLOCK);
        expect(await file.seekHole(2 * MiB + 5)).toBe(2 * MiB + 5);
      });
    },
    'no data behind the last: ENXIO': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        await file.write(Buffer.alloc(BLOCK, 1), 0);
        await file.truncate(MiB);
        await file.sync();
        await fails('ENXIO', file.seekData(BLOCK));
        await fails('ENXIO', file.seekData(MiB));
        await fails('ENXIO', file.seekHole(MiB));
        await fails('ENXIO', file.seekHole(2 * MiB));
      });
    },
    'the end of a file is a hole': async ({ fs }) => {
      await put(fs, 'file', Buffer.alloc(BLOCK, 1));
      await using(fs.open('file', O_RDONLY), async (file) => {
        expect(await file.seekHole(0)).toBe(BLOCK);
        expect(await file.seekData(BLOCK - 1)).toBe(BLOCK - 1);
      });
    },
    'an empty file has neither': async ({ fs }) => {
      await put(fs, 'file');
      await using(fs.open('file', O_RDONLY), async (file) => {
        await fails('ENXIO', file.seekData(0));
        await fails('ENXIO', file.seekHole(0));
      });
    },
    'a file of nothing but a hole': async ({ fs }) => {
      await put(fs, 'file');
      await fs.truncate('file', MiB);
      await using(fs.open('file', O_RDONLY), async (file) => {
        await fails('ENXIO', file.seekData(0));
        expect(await file.seekHole(0)).toBe(0);
      });
    },
    'several of both, one after the other': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        for (const at of [0, 2, 5]) await file.write(Buffer.alloc(BLOCK, 1), at * MiB);
        await file.sync();
        const found: [number, number][] = [];
        for (let at = 0; at < 5 * MiB + BLOCK; ) {
          const data = await file.seekData(at);
          at = await file.seekHole(data);
          found.push([data, at]);
        }
        expect(found).toEqual([0, 2, 5].map((at) => [at * MiB, at * MiB + BLOCK]));
      });
    },
  },
  ['seek'],
);

export const allocation = group(
  'fallocate',
  {
    'grows a file by zeros': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        await file.write('abc');
        await file.allocate(0, 10_000);
        expect((await file.stat()).size).toBe(10_000);
        expect(await contents(file)).toBe(`abc${'\0'.repeat(9997)}`);
      });
    },
    'takes room': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        await file.allocate(0, MiB);
        expect((await file.stat()).blocks).toBeGreaterThanOrEqual(MiB / 512);
      });
    },
    'with the size kept': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        await file.write('abc');
        await file.allocate(0, MiB, true);
        const { size, blocks } = await file.stat();
        expect(size).toBe(3);
        expect(blocks).toBeGreaterThanOrEqual(MiB / 512);
        expect(await contents(file)).toBe('abc');
      });
    },
    'within a file changes nothing': async ({ fs }) => {
      await put(fs, 'file', 'contents');
      await using(fs.open('file', O_RDWR), (file) => file.allocate(2, 3));
      expect(await get(fs, 'file')).toBe('contents');
    },
    'behind a hole': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        await file.allocate(MiB, 4096);
        expect((await file.stat()).size).toBe(MiB + 4096);
        expect((await file.read(4096, MiB)).every((byte) => byte === 0)).toBe(true);
      });
    },
    'of no bytes is EINVAL': async ({ fs }) => {
      await using(fs.open('file', making), (file) => fails('EINVAL', file.allocate(0, 0)));
    },
    'of a file that is open for reading is EBADF': async ({ fs }) => {
      await put(fs, 'file', 'x');
      await using(fs.open('file', O_RDONLY), async (file) => {
        await fails('EBADF', file.allocate(0, 10));
        await fails('EBADF', file.punch(0, 1));
      });
      expect(await get(fs, 'file')).toBe('x');
    },
    'punches a hole: zeros, and the size stays': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        await file.write(Buffer.alloc(4 * BLOCK, 'x'));
        await file.punch(BLOCK, 2 * BLOCK);
        expect((await file.stat()).size).toBe(4 * BLOCK);
        const all = await contents(file);
        expect(all).toBe('x'.repeat(BLOCK) + '\0'.repeat(2 * BLOCK) + 'x'.repeat(BLOCK));
      });
    },
    'punches across the end: the size stays': async ({ fs }) => {
      await using(fs.open('file', making), async (file) => {
        await file.write('contents');
        await file.punch(4, 100_000);
        expect(await contents(file)).toBe('cont\0\0\0\0');
      });
    },
    'punches a few bytes': async ({ fs }) => {
      await put(fs, 'file', 'abcdefgh');
      await using(fs.open('file', O_RDWR), (file) => file.punch(2, 3));
      expect(await get(fs, 'file')).toBe('ab\0\0\0fgh');
    },
    'zeroes a range': async ({ fs }) => {
      await put(fs, 'file', 'abcdefgh');
      await using(fs.open('file', O_RDWR), (file) => file.zero(1, 5));
      expect(await get(fs, 'file')).toBe('a\0\0\0\0\0gh');
    },
    'zeroes across the end: the file grows': async ({ fs }) => {
      await put(fs, 'file', 'abcdefgh');
      await using(fs.open('file', O_RDWR), async (file) => {
        await file.zero(6, 5000);
        expect((await file.stat()).size).toBe(5006);
      });
      expect((await get(fs, 'file')).slice(0, 10)).toBe('abcdef\0\0\0\0');
    },
  },
  ['fallocate'],
);

export const copying = group(
  'copying of ranges',
  {
    'a whole file': async ({ fs }) => {
      const bytes = numbered(300_000);
      await put(fs, 'from', bytes);
      await using(fs.open('from', O_RDONLY), (from) =>
        using(fs.open('to', making), async (to) => {
          expect(await from.copyTo(to, 0, 0, 300_000)).toBe(300_000);
          expect((await to.read(400_000, 0)).equals(bytes)).toBe(true);
        }),
      );
    },
    'a part to another place': async ({ fs }) => {
      await put(fs, 'from', 'abcdefgh');
      await put(fs, 'to', '0123456789');
      await using(fs.open('from', O_RDONLY), (from) =>
        using(fs.open('to', O_WRONLY), async (to) => expect(await from.copyTo(to, 2, 5, 3)).toBe(3)),
      );
      expect(await get(fs, 'to')).toBe('01234cde89');
    },
    'no further than the source goes': async ({ fs }) => {
      await put(fs, 'from', 'abc');
      await using(fs.open('from', O_RDONLY), (from) =>
        using(fs.open('to', making), async (to) => {
          expect(await from.copyTo(to, 1, 0, 100)).toBe(2);
          expect(await from.copyTo(to, 3, 0, 10)).toBe(0);
          expect(await from.copyTo(to, 1000, 0, 10)).toBe(0);
          expect(await contents(to)).toBe('bc');
        }),
      );
    },
    'behind the end of the target leaves a hole': async ({ fs }) => {
      await put(fs, 'from', 'abc');
      await put(fs, 'to', 'x');
      await using(fs.open('from', O_RDONLY), (from) =>
        using(fs.open('to', O_WRONLY), (to) => from.copyTo(to, 0, 4, 3)),
      );
      expect(await get(fs, 'to')).toBe('x\0\0\0abc');
    },
    'within one file': async ({ fs }) => {
      await put(fs, 'file', 'abcdefgh');
      await using(fs.open('file', O_RDWR), async (file) => {
        expect(await file.copyTo(file, 0, 4, 4)).toBe(4);
        expect(await contents(file)).toBe('abcdabcd');
      });
    },
    'that overlap are EINVAL': async ({ fs }) => {
      await put(fs, 'file', 'abcdefgh');
      await using(fs.open('file', O_RDWR), (file) => fails('EINVAL', file.copyTo(file, 0, 2, 4)));
      expect(await get(fs, 'file')).toBe('abcdefgh');
    },
    'between files that are open the wrong way are EBADF': async ({ fs }) => {
      await put(fs, 'a', 'abc');
      await put(fs, 'b', 'def');
      const pairs = [
        [O_WRONLY, O_WRONLY],
        [O_RDONLY, O_RDONLY],
        [O_RDONLY, O_WRONLY | O_APPEND],
      ] as const;
      for (const [reading, writing] of pairs)
        await using(fs.open('a', reading), (a) =>
          using(fs.open('b', writing), (b) => fails('EBADF', a.copyTo(b, 0, 0, 3))),
        );
      expect(await get(fs, 'b')).toBe('def');
    },
  },
  ['copy-range'],
);

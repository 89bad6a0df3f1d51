import { expect } from 'vitest';
import type { Kind } from '../subject.ts';
import {
  get,
  group,
  names,
  numbered,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  put,
  rest,
  using,
} from '../trial.ts';

const GiB = 2 ** 30;

/** Runs so many at a time: as fast as the stack allows, without a promise for each entry. */
async function each(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Directories are dear and links cheap: of each as many as it takes. */
function kindOf(index: number): Kind {
  if (index % 100 === 1) return 'directory';
  return index % 3 === 0 ? 'file' : 'symlink';
}

const nameOf = (index: number): string => `entry-${String(index).padStart(5, '0')}`;

export const large = group('large', {
  'a directory of thousands: made, listed once each, found, removed': async ({ fs, entries }) => {
    await each(entries, (index) => {
      const name = nameOf(index);
      const kind = kindOf(index);
      return kind === 'directory' ? fs.mkdir(name) : kind === 'file' ? put(fs, name) : fs.symlink('to', name);
    });
    const all = Array.from({ length: entries }, (_, index) => nameOf(index));
    const directory = await fs.opendir('/', 500);
    const found: string[] = [];
    const wrong: string[] = [];
    for (let entry = await directory.read(); entry !== null; entry = await directory.read()) {
      const name = entry.name.toString();
      found.push(name);
      if (entry.kind !== kindOf(Number(name.slice('entry-'.length)))) wrong.push(`${name} ${entry.kind}`);
    }
    await directory.close();
    expect(wrong).toEqual([]);
    expect(found.length).toBe(entries);
    expect(found.sort()).toEqual(all);
    expect(await names(fs)).toEqual(all);
    for (const index of [0, 1, 2, entries >> 1, entries - 1])
      expect((await fs.lstat(nameOf(index))).kind).toBe(kindOf(index));
    await each(entries, (index) =>
      kindOf(index) === 'directory' ? fs.rmdir(nameOf(index)) : fs.unlink(nameOf(index)),
    );
    expect(await names(fs)).toEqual([]);
  },
  'a large directory that shrinks while it is listed': async ({ fs, entries }) => {
    const count = Math.min(entries, 1000);
    await each(count, (index) => put(fs, nameOf(index)));
    const directory = await fs.opendir('/', 64);
    const found: string[] = [];
    for (let listed = 0; listed < count / 2; listed++) found.push((await directory.read())!.name.toString());
    const gone = new Set(found.filter((_, index) => index % 2 === 0));
    for (const name of gone) await fs.unlink(name);
    found.push(...(await rest(directory)));
    await directory.close();
    expect(found.length).toBe(count);
    expect(new Set(found).size).toBe(count);
    expect((await names(fs)).length).toBe(count - gone.size);
  },
  'bytes behind 2, 4 and 6 GiB': async ({ fs }) => {
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      for (const [index, position] of [2 * GiB, 4 * GiB, 6 * GiB].entries())
        expect(await file.write(`at ${index}`, position)).toBe(4);
      expect((await file.stat()).size).toBe(6 * GiB + 4);
      for (const [index, position] of [2 * GiB, 4 * GiB, 6 * GiB].entries())
        expect((await file.read(4, position)).toString()).toBe(`at ${index}`);
      expect((await file.read(8, 4 * GiB - 4)).toString('latin1')).toBe('\0\0\0\0at 1');
      expect(await file.read(10, 7 * GiB)).toHaveLength(0);
    });
  },
  'writes across the edges of 2 and 4 GiB': async ({ fs }) => {
    const bytes = numbered(8192);
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      for (const edge of [2 * GiB, 4 * GiB]) {
        await file.write(bytes, edge - 4096);
        expect((await file.read(8192, edge - 4096)).equals(bytes), String(edge)).toBe(true);
      }
    });
  },
  'reading on from 4 GiB by the position': async ({ fs }) => {
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      await file.write('xy', 4 * GiB - 1);
      await file.truncate(4 * GiB + 3);
    });
    expect((await fs.stat('file')).size).toBe(4 * GiB + 3);
    await using(fs.open('file', O_RDONLY), async (file) => {
      expect((await file.read(10, 4 * GiB - 2)).toString('latin1')).toBe('\0xy\0\0');
    });
  },
  'a file of a TiB with nothing in it but its end': async ({ fs }) => {
    const TiB = 1024 * GiB;
    await put(fs, 'file');
    await fs.truncate('file', TiB);
    await using(fs.open('file', O_RDWR), async (file) => {
      await file.write('end', TiB - 3);
      expect((await file.read(10, TiB - 5)).toString('latin1')).toBe('\0\0end');
      const { size, blocks } = await file.stat();
      expect(size).toBe(TiB);
      expect(blocks).toBeLessThan(1000);
    });
  },
  'cut from 5 GiB to a few bytes': async ({ fs }) => {
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      await file.write('front');
      await file.write('back', 5 * GiB);
      await file.truncate(3);
    });
    expect(await get(fs, 'file')).toBe('fro');
  },
  'eight megabytes, written and read in pieces': async ({ fs }) => {
    const piece = 512 * 1024;
    await using(fs.open('file', O_WRONLY | O_CREAT), async (file) => {
      for (let index = 0; index < 16; index++)
        expect(await file.write(numbered(piece, index * 1000))).toBe(piece);
    });
    expect((await fs.stat('file')).size).toBe(16 * piece);
    await using(fs.open('file', O_RDONLY), async (file) => {
      for (let index = 0; index < 16; index++)
        expect((await file.read(piece)).equals(numbered(piece, index * 1000)), `piece ${index}`).toBe(true);
      expect(await file.read(1)).toHaveLength(0);
    });
  },
  'hundreds of small writes': async ({ fs, some }) => {
    await using(fs.open('file', O_WRONLY | O_CREAT), async (file) => {
      for (let index = 0; index < some(300); index++) await file.write(`${index},`);
    });
    expect(await get(fs, 'file')).toBe(Array.from({ length: some(300) }, (_, index) => `${index},`).join(''));
  },
  'a hundred files open at once': async ({ fs, some }) => {
    const files = [];
    for (let index = 0; index < some(100); index++) files.push(await fs.open(`f${index}`, O_RDWR | O_CREAT));
    await Promise.all(files.map((file, index) => file.write(`file ${index}`)));
    const read = await Promise.all(files.map((file) => file.read(20, 0)));
    for (const file of files) await file.close();
    expect(read.map(String)).toEqual(files.map((_, index) => `file ${index}`));
  },
  'a hundred directories with a file each': async ({ fs, some }) => {
    await each(some(100), async (index) => {
      await fs.mkdir(`d${index}`);
      await put(fs, `d${index}/file`, String(index));
    });
    expect((await names(fs)).length).toBe(some(100));
    expect(await get(fs, 'd23/file')).toBe('23');
  },
});

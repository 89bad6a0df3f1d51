import { expect } from 'vitest';
import { get, group, numbered, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, put, using } from '../trial.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const making = O_RDWR | O_CREAT;

export const holes = group('holes', {
  'a write behind the end leaves zeros': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.write('front');
      await file.write('back', 10);
    });
    expect(await get(fs, 'file')).toBe('front\0\0\0\0\0back');
  },
  'a file that begins with a hole reads as zeros': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.write('x', 3 * MiB);
      expect((await file.stat()).size).toBe(3 * MiB + 1);
      const bytes = await file.read(256 * KiB, MiB);
      expect(bytes).toHaveLength(256 * KiB);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
    });
  },
  'a read across the edge of a hole has both': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.write(Buffer.alloc(4096, 'a'));
      await file.write(Buffer.alloc(4096, 'b'), MiB);
      const edge = await file.read(16, MiB - 8);
      expect(edge.toString('latin1')).toBe('\0'.repeat(8) + 'b'.repeat(8));
      expect((await file.read(16, 4088)).toString('latin1')).toBe('a'.repeat(8) + '\0'.repeat(8));
    });
  },
  'a hole takes no room': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.truncate(64 * MiB);
      await file.write(Buffer.alloc(4096, 1), 32 * MiB);
      await file.sync();
      const { size, blocks } = await file.stat();
      expect(size).toBe(64 * MiB);
      expect(blocks * 512).toBeGreaterThanOrEqual(4096);
      expect(blocks * 512).toBeLessThan(MiB);
    });
  },
  'what is written into a hole stays where it is': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.truncate(MiB);
      const block = numbered(8 * KiB);
      await file.write(block, 512 * KiB - 100);
      expect((await file.read(8 * KiB, 512 * KiB - 100)).equals(block)).toBe(true);
      expect((await file.read(100, 512 * KiB - 200)).every((byte) => byte === 0)).toBe(true);
      expect((await file.read(100, 520 * KiB - 100)).every((byte) => byte === 0)).toBe(true);
    });
  },
  'cutting and growing does not bring back what was there': async ({ fs }) => {
    await put(fs, 'file', 'secret contents');
    await fs.truncate('file', 2);
    await fs.truncate('file', 15);
    expect(await get(fs, 'file')).toBe(`se${'\0'.repeat(13)}`);
  },
  'the rest of a block that was cut is zeros': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.write(Buffer.alloc(10_000, 'x'));
      await file.truncate(5000);
      await file.write('y', 9000);
      expect((await file.read(4000, 5000)).every((byte) => byte === 0)).toBe(true);
      expect((await file.read(10, 8998)).toString('latin1')).toBe('\0\0y');
    });
  },
  'many holes between many pieces': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      for (let piece = 0; piece < 32; piece++) await file.write(`<${piece}>`, piece * 10_000);
      const all = await file.read(MiB, 0);
      expect(all).toHaveLength(31 * 10_000 + 4);
      expect(all.toString('latin1').replaceAll('\0', '')).toBe(
        Array.from({ length: 32 }, (_, piece) => `<${piece}>`).join(''),
      );
      expect(all.indexOf('<17>')).toBe(170_000);
    });
  },
});

export const lengths = group('lengths', {
  'a read of nothing gives nothing': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await using(fs.open('file', O_RDONLY), async (file) => {
      for (const position of [0, 1, 3, 1000]) expect(await file.read(0, position)).toHaveLength(0);
      expect(await file.read(0)).toHaveLength(0);
      expect((await file.read(2)).toString()).toBe('ab');
    });
  },
  'a write of nothing changes nothing': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await using(fs.open('file', O_RDWR), async (file) => {
      expect(await file.write('')).toBe(0);
      expect(await file.write('', 100)).toBe(0);
      expect((await file.stat()).size).toBe(3);
      expect((await file.read(9)).toString()).toBe('abc');
    });
  },
  'a write of nothing into a new file leaves it empty': async ({ fs }) => {
    await using(fs.open('file', O_WRONLY | O_CREAT), (file) => file.write(Buffer.alloc(0), 5000));
    expect(await fs.stat('file')).toMatchObject({ size: 0, blocks: 0 });
  },
  'a read behind the end gives nothing': async ({ fs }) => {
    await put(fs, 'file', 'abc');
    await using(fs.open('file', O_RDONLY), async (file) => {
      expect(await file.read(10, 3)).toHaveLength(0);
      expect(await file.read(10, 5_000_000_000)).toHaveLength(0);
    });
  },
  'a read across the end gives what there is': async ({ fs }) => {
    await put(fs, 'file', 'abcdef');
    await using(fs.open('file', O_RDONLY), async (file) => {
      expect((await file.read(100, 4)).toString()).toBe('ef');
      expect((await file.read(100)).toString()).toBe('abcdef');
      expect(await file.read(100)).toHaveLength(0);
    });
  },
  'an empty file reads as nothing': async ({ fs }) => {
    await put(fs, 'file');
    await using(fs.open('file', O_RDONLY), async (file) => {
      expect(await file.read(1)).toHaveLength(0);
      expect(await file.read(4096, 0)).toHaveLength(0);
    });
  },
  'the position goes on with each read and write': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.write('abc');
      await file.write('def');
      expect(await file.read(5)).toHaveLength(0);
      await file.write('X', 1);
      await file.write('ghi');
      expect((await file.read(20, 0)).toString()).toBe('aXcdefghi');
    });
  },
  'writes that overlap: the last one counts': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.write('aaaaaaaaaa', 0);
      await file.write('bbbb', 3);
      await file.write('cc', 6);
    });
    expect(await get(fs, 'file')).toBe('aaabbbccaa');
  },
  'all bytes are kept as they are': async ({ fs }) => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await put(fs, 'file', all);
    expect(await get(fs, 'file')).toBe(all.toString('latin1'));
  },
  'a megabyte and a bit in one write': async ({ fs }) => {
    const bytes = numbered(MiB + 1000);
    await put(fs, 'file', bytes);
    await using(fs.open('file', O_RDONLY), async (file) =>
      expect((await file.read(2 * MiB, 0)).equals(bytes)).toBe(true),
    );
  },
  'reads of odd lengths at odd places': async ({ fs }) => {
    const bytes = numbered(300_000);
    await put(fs, 'file', bytes);
    await using(fs.open('file', O_RDONLY), async (file) => {
      for (const [position, length] of [
        [1, 1],
        [4095, 2],
        [65_535, 65_537],
        [131_071, 100_003],
        [299_999, 10],
      ] as const) {
        const expected = bytes.subarray(position, position + length);
        expect((await file.read(length, position)).equals(expected), `${length} at ${position}`).toBe(true);
      }
    });
  },
  'writes at different places at the same time': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await Promise.all(
        Array.from({ length: 64 }, (_, index) =>
          file.write(numbered(4096, index * 512), ((index * 37) % 64) * 4096),
        ),
      );
      const all = await file.read(64 * 4096, 0);
      for (let index = 0; index < 64; index++) {
        const at = ((index * 37) % 64) * 4096;
        expect(all.subarray(at, at + 4096).equals(numbered(4096, index * 512)), `block ${index}`).toBe(true);
      }
    });
  },
  'fsync and fdatasync of open files': async ({ fs }) => {
    await using(fs.open('file', making), async (file) => {
      await file.write('data');
      await file.datasync();
      await file.sync();
    });
    await using(fs.open('file', O_RDONLY), (file) => file.sync());
    expect(await get(fs, 'file')).toBe('data');
  },
});

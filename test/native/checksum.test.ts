import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockChecksum,
  crc32c,
  crc32cInTypescript,
  weakChecksum,
  weakInTypescript,
} from '../../src/checksum/index.ts';
import { type ChecksumKernel, nativeKernels } from '../../src/native.ts';
import vectors from '../vectors/fops-v4.json' with { type: 'json' };

/** Bit by bit, by the definition: no table, no modulus left out. */
function slowCrc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function slowWeak(data: Uint8Array): number {
  let bytes = 0n;
  let sums = 0n;
  for (const byte of data) {
    bytes = (bytes + BigInt(byte)) % 65521n;
    sums = (sums + bytes) % 65521n;
  }
  return Number((sums << 16n) | bytes);
}

function sequence(length: number, step = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * step) & 0xff);
}

/** Reproducible bytes with no pattern that sums could hide. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
}

function onPath(...names: string[]): boolean {
  return names.some((name) =>
    (process.env.PATH ?? '').split(delimiter).some((folder) => {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }),
  );
}

const kernels: [string, ChecksumKernel][] = [
  ['typescript', { weak: weakInTypescript, crc32c: crc32cInTypescript }],
  ['the chosen one', { weak: weakChecksum, crc32c }],
  ...nativeKernels(),
];

it('the addon is there wherever it can be built', () => {
  const buildable = onPath('cmake') && onPath('g++', 'clang++') && onPath('make', 'ninja');
  if (buildable) expect([...nativeKernels().keys()]).toContain('scalar');
  if (buildable && process.arch === 'arm64') expect([...nativeKernels().keys()]).toContain('neon');
});

describe.each(kernels)('%s', (_name, kernel) => {
  it('computes the CRC-32C of RFC 3720', () => {
    const descending = sequence(32).reverse();
    expect(kernel.crc32c(new Uint8Array(32), 0)).toBe(0x8a9136aa);
    expect(kernel.crc32c(new Uint8Array(32).fill(0xff), 0)).toBe(0x62a8ab43);
    expect(kernel.crc32c(sequence(32), 0)).toBe(0x46dd794e);
    expect(kernel.crc32c(descending, 0)).toBe(0x113fdb5c);
    expect(kernel.crc32c(Buffer.from('123456789'), 0)).toBe(0xe3069283);
  });

  it('computes the weak checksum that a brick answered for 4096 times Z', () => {
    const { reply } = vectors.find(({ name }) => name === 'RCHECKSUM')!;
    // … u32 weak, opaque strong<> of 32 bytes close the reply.
    const bytes = Buffer.from(reply, 'hex');
    const weak = bytes.readUInt32BE(bytes.length - 40);
    expect(weak).toBe(0x734ba04b);
    expect(kernel.weak(Buffer.alloc(4096, 'Z'), 0)).toBe(weak);
  });

  it('starts from 0, not from 1 as zlib does', () => {
    expect(kernel.weak(new Uint8Array(0), 0)).toBe(0);
    expect(kernel.weak(new Uint8Array(1000), 0)).toBe(0);
    expect(kernel.weak(Uint8Array.of(1), 0)).toBe(0x00010001);
  });

  it.each([
    1, 7, 15, 16, 31, 32, 33, 63, 64, 65, 127, 1023, 3071, 3072, 3073, 5551, 5552, 5553, 6145, 70_001,
  ])('agrees with the definition on %i bytes at every alignment', (length) => {
    const whole = noise(length + 8);
    for (let offset = 0; offset < 8; offset++) {
      const data = whole.subarray(offset, offset + length);
      expect(kernel.weak(data, 0)).toBe(slowWeak(data));
      expect(kernel.crc32c(data, 0)).toBe(slowCrc32c(data));
    }
  });

  it('does not overflow where every byte is 255', () => {
    const data = new Uint8Array(300_000).fill(0xff);
    expect(kernel.weak(data, 0)).toBe(slowWeak(data));
    // The sums are at their highest when the next chunk begins.
    const high = (65520 * 65536 + 65520) >>> 0;
    expect(kernel.weak(data, high)).toBe(weakInTypescript(data, high));
  });

  it('agrees with the definition on any bytes, cut anywhere', () => {
    const cut = fc.uint8Array({ maxLength: 12_000 }).chain((data) =>
      fc.record({
        data: fc.constant(data),
        at: fc.nat({ max: data.length }),
      }),
    );
    fc.assert(
      fc.property(cut, ({ data, at }) => {
        const [front, back] = [data.subarray(0, at), data.subarray(at)];
        expect(kernel.weak(back, kernel.weak(front, 0))).toBe(slowWeak(data));
        expect(kernel.crc32c(back, kernel.crc32c(front, 0))).toBe(slowCrc32c(data));
      }),
      { numRuns: 60 },
    );
  });
});

it('a kernel refuses what is no Uint8Array', () => {
  for (const [, kernel] of nativeKernels()) {
    expect(() => kernel.weak('text' as unknown as Uint8Array, 0)).toThrow(TypeError);
    expect(() => kernel.crc32c(new Uint16Array(4) as unknown as Uint8Array, 0)).toThrow(TypeError);
    expect(() => kernel.crc32c(new Uint8Array(4), undefined as unknown as number)).toThrow(TypeError);
  }
});

it('a block has the checksums that a brick answers', () => {
  const bytes = Buffer.from(vectors.find(({ name }) => name === 'RCHECKSUM')!.reply, 'hex');
  const block = blockChecksum(Buffer.alloc(4096, 'Z'));
  expect(block.weak).toBe(bytes.readUInt32BE(bytes.length - 40));
  expect(Buffer.from(block.strong)).toEqual(bytes.subarray(-32));
  const md5 = blockChecksum(Buffer.from('abc'), 'md5');
  expect(Buffer.from(md5.strong.subarray(0, 16))).toEqual(createHash('md5').update('abc').digest());
  expect(md5.strong.subarray(16)).toEqual(new Uint8Array(16));
});

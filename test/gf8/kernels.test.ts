import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK, typescriptKernel } from '../../src/gf8/index.ts';
import { decodingMatrix, encodingMatrix, multiplyMatrices } from '../../src/gf8/matrix.ts';
import { type ErasureKernel, nativeKernels } from '../../src/native.ts';
import { noise } from './noise.ts';

/** Around each buffer: a vector that goes beyond either end shows in it. */
const MARGIN = 128;
const GUARD = 0xa5;

/** Buffers at any offset of their memory, with guards around them. */
class Memory {
  readonly #all: { bytes: Uint8Array; start: number; end: number }[] = [];

  take(length: number, offset: number, content?: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(length + 2 * MARGIN).fill(GUARD);
    const start = MARGIN - 64 + offset;
    this.#all.push({ bytes, start, end: start + length });
    const part = bytes.subarray(start, start + length);
    if (content !== undefined) part.set(content);
    return part;
  }

  /** Nothing was written outside of the buffers. */
  intact(): boolean {
    return this.#all.every(
      ({ bytes, start, end }) =>
        bytes.subarray(0, start).every((byte) => byte === GUARD) &&
        bytes.subarray(end).every((byte) => byte === GUARD),
    );
  }
}

const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

const geometry = fc
  .integer({ min: 2, max: 16 })
  .chain((data) => fc.tuple(fc.constant(data), fc.integer({ min: data + 1, max: 2 * data - 1 })));
const offset = fc.integer({ min: 0, max: 64 });
const count = fc.integer({ min: 1, max: 5 });

const kernels = [...nativeKernels()];

/** One element of a chunk, number 9: bit 1 of byte 1 of each plane. */
function elementNine(value: number): Uint8Array {
  const chunk = new Uint8Array(CHUNK);
  for (let plane = 0; plane < 8; plane++) chunk[plane * 64 + 1] = ((value >> plane) & 1) << 1;
  return chunk;
}

describe.each<[string, ErasureKernel]>([['typescript', typescriptKernel], ...kernels])(
  '%s',
  (_name, kernel) => {
    it('computes 0x80 x + 1 at 1, 2 and 3 as one does by hand', () => {
      // 2 * 0x80 is 0x100, less the modulus 0x11d that is 0x1d; 3 * 0x80 is that and 0x80.
      const data = Buffer.concat([elementNine(0x80), elementNine(0x01)]);
      const fragments = [1, 2, 3].map(() => new Uint8Array(CHUNK));
      kernel.evaluate(data, Uint8Array.of(1, 2, 3), fragments);
      expect(fragments).toEqual([0x81, 0x1c, 0x9c].map(elementNine));
    });

    it('gives the line through two points back, whichever two of three', () => {
      const data = noise(6 * CHUNK);
      const fragments = [1, 2, 3].map(() => new Uint8Array(3 * CHUNK));
      kernel.evaluate(data, Uint8Array.of(1, 2, 3), fragments);
      for (const indices of [
        [0, 1],
        [0, 2],
        [1, 2],
        [2, 0],
      ]) {
        const back = new Uint8Array(data.length);
        const sources = indices.map((index) => fragments[index]!);
        kernel.combine(decodingMatrix(indices), sources, [back, back.subarray(CHUNK)], 2 * CHUNK);
        expect(same(back, data), indices.join()).toBe(true);
      }
    });
  },
);

describe.each(kernels)('%s', (_name, kernel) => {
  it('evaluates as TypeScript does, any points in any order, wherever the buffers lie', () => {
    const points = fc.uniqueArray(fc.integer({ min: 1, max: 31 }), { minLength: 1, maxLength: 31 });
    const data = fc.integer({ min: 1, max: 16 });
    fc.assert(
      fc.property(data, points, count, offset, offset, fc.nat(), (k, wanted, stripes, from, to, seed) => {
        const memory = new Memory();
        const input = memory.take(k * CHUNK * stripes, from, noise(k * CHUNK * stripes, seed));
        const expected = wanted.map(() => new Uint8Array(stripes * CHUNK));
        typescriptKernel.evaluate(input, Uint8Array.from(wanted), expected);
        const fragments = wanted.map((_, index) => memory.take(stripes * CHUNK, (to + index) % 65));
        kernel.evaluate(input, Uint8Array.from(wanted), fragments);
        expect(fragments.every((fragment, index) => same(fragment, expected[index]!))).toBe(true);
        expect(memory.intact()).toBe(true);
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  it('multiplies with any matrix as TypeScript does, wherever the buffers lie', () => {
    const rows = fc.integer({ min: 1, max: 31 });
    const columns = fc.integer({ min: 1, max: 16 });
    const sparse = fc.boolean();
    fc.assert(
      fc.property(
        rows,
        columns,
        count,
        offset,
        offset,
        sparse,
        fc.nat(),
        (r, c, chunks, from, to, few, seed) => {
          const memory = new Memory();
          const matrix = noise(r * c, seed).map((factor) => (few && factor % 3 > 0 ? factor % 2 : factor));
          const sources = Array.from({ length: c }, (_, index) =>
            memory.take(chunks * CHUNK, (from + index) % 65, noise(chunks * CHUNK, seed + index)),
          );
          const expected = Array.from({ length: r }, () => new Uint8Array(chunks * CHUNK));
          typescriptKernel.combine(matrix, sources, expected, CHUNK);
          const targets = expected.map((_, index) => memory.take(chunks * CHUNK, (to + index) % 65));
          kernel.combine(matrix, sources, targets, CHUNK);
          expect(targets.every((target, index) => same(target, expected[index]!))).toBe(true);
          expect(memory.intact()).toBe(true);
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });

  it('knows the product with every constant', () => {
    const matrix = Uint8Array.from({ length: 16 }, (_, index) => index);
    const value = noise(CHUNK);
    for (let high = 0; high < 256; high += 16) {
      // Both as the first and as the second row of a pair.
      for (const shift of [0, 1]) {
        const factors = matrix.map((low) => (high + low + shift) & 0xff);
        const expected = Array.from(factors, () => new Uint8Array(CHUNK));
        const targets = Array.from(factors, () => new Uint8Array(CHUNK));
        typescriptKernel.combine(factors, [value], expected, CHUNK);
        kernel.combine(factors, [value], targets, CHUNK);
        expect(
          targets.every((target, index) => same(target, expected[index]!)),
          `${high}`,
        ).toBe(true);
      }
    }
  });

  it('writes interleaved targets, and nothing between them that is not its own', () => {
    fc.assert(
      fc.property(geometry, count, offset, (counts, stripes, to) => {
        const [data, fragments] = counts;
        const survivors = Array.from({ length: data }, (_, index) => fragments - data + index);
        const input = noise(data * CHUNK * stripes);
        const parts = survivors.map(() => new Uint8Array(stripes * CHUNK));
        const points = Uint8Array.from(survivors, (index) => index + 1);
        typescriptKernel.evaluate(input, points, parts);
        const memory = new Memory();
        const back = memory.take(input.length, to);
        const targets = survivors.map((_, column) => back.subarray(column * CHUNK));
        kernel.combine(decodingMatrix(survivors), parts, targets, data * CHUNK);
        expect(same(back, input)).toBe(true);
        // Every other chunk only.
        const holes = memory.take(2 * stripes * CHUNK, to);
        kernel.combine(encodingMatrix(data, [0]), parts, [holes], 2 * CHUNK);
        for (let at = 0; at < stripes; at++)
          expect(
            holes.subarray((2 * at + 1) * CHUNK, (2 * at + 2) * CHUNK).every((byte) => byte === GUARD),
          ).toBe(true);
        expect(memory.intact()).toBe(true);
      }),
      { numRuns: 20, seed: 1 },
    );
  });

  it('does on threads what it does at once, several jobs at a time', async () => {
    const jobs = [2, 4, 11, 16].map((data) => ({ data, input: noise(data * CHUNK * 700, data) }));
    const points = Uint8Array.of(1, 2, 5, 7);
    const list = jobs.map(({ data, input }) => {
      const expected = Array.from(points, () => new Uint8Array(input.length / data));
      kernel.evaluate(input, points, expected);
      return { expected, fragments: expected.map(({ length }) => new Uint8Array(length)) };
    });
    const running = jobs.map(({ input }, at) => {
      const fragments = [...list[at]!.fragments];
      const promise = kernel.evaluateThreaded(input, points, fragments);
      // The list is the caller's again, only its elements are not.
      fragments.length = 0;
      return promise;
    });
    await Promise.all(running);
    for (const { expected, fragments } of list)
      expect(fragments.every((fragment, index) => same(fragment, expected[index]!))).toBe(true);

    const matrix = decodingMatrix([0, 1, 4, 6]);
    const [four] = list.slice(1);
    const back = new Uint8Array(jobs[1]!.input.length);
    const targets = [0, 1, 2, 3].map((column) => back.subarray(column * CHUNK));
    await kernel.combineThreaded(matrix, four!.fragments, targets, 4 * CHUNK);
    expect(same(back, jobs[1]!.input)).toBe(true);
  });

  it('refuses what does not fit together', () => {
    const chunk = new Uint8Array(CHUNK);
    const evaluations: [Uint8Array, Uint8Array, Uint8Array[]][] = [
      [chunk, Uint8Array.of(1), []],
      [chunk, Uint8Array.of(1, 2), [chunk]],
      [chunk, Uint8Array.of(0), [chunk]],
      [chunk, Uint8Array.of(32), [chunk]],
      [chunk.subarray(1), Uint8Array.of(1), [chunk]],
      [chunk, Uint8Array.of(1), [chunk.subarray(1)]],
      [chunk, Uint8Array.of(1), [new Uint8Array(0)]],
      [new Uint8Array(2 * CHUNK), Uint8Array.of(1, 2), [chunk, new Uint8Array(2 * CHUNK)]],
      [new Uint8Array(17 * CHUNK), Uint8Array.of(1), [chunk]],
    ];
    for (const call of evaluations) {
      expect(() => kernel.evaluate(...call)).toThrow(TypeError);
      expect(() => kernel.evaluateThreaded(...call)).toThrow(TypeError);
    }
    const one = Uint8Array.of(1);
    const combinations: [Uint8Array, Uint8Array[], Uint8Array[], number][] = [
      [one, [], [chunk], CHUNK],
      [one, [chunk], [], CHUNK],
      [Uint8Array.of(1, 2), [chunk], [chunk], CHUNK],
      [one, [chunk.subarray(1)], [chunk], CHUNK],
      [one, [chunk], [chunk.subarray(1)], CHUNK],
      [one, [chunk], [chunk], CHUNK - 1],
      [one, [new Uint8Array(2 * CHUNK)], [new Uint8Array(2 * CHUNK)], 2 * CHUNK],
      [Uint8Array.of(1, 2), [chunk, new Uint8Array(2 * CHUNK)], [chunk], CHUNK],
    ];
    for (const call of combinations) {
      expect(() => kernel.combine(...call)).toThrow(TypeError);
      expect(() => kernel.combineThreaded(...call)).toThrow(TypeError);
    }
    const wrong = [chunk.buffer, 1, [chunk]] as unknown as [Uint8Array, Uint8Array, Uint8Array[]];
    expect(() => kernel.evaluate(...wrong)).toThrow(TypeError);
  });
});

it('decoding is the inverse of encoding, for every set of survivors of the small codes', () => {
  for (const [data, fragments] of [
    [2, 3],
    [3, 5],
    [4, 7],
    [5, 9],
  ] as const) {
    const subsets = Array.from({ length: 1 << fragments }, (_, set) =>
      Array.from({ length: fragments }, (_unused, index) => index).filter((index) => (set >> index) & 1),
    ).filter((subset) => subset.length === data);
    expect(subsets.length).toBeGreaterThan(2);
    for (const survivors of subsets) {
      const product = multiplyMatrices(decodingMatrix(survivors), encodingMatrix(data, survivors), data);
      expect([...product]).toEqual(
        Array.from({ length: data * data }, (_, at) => (at % (data + 1) === 0 ? 1 : 0)),
      );
    }
  }
});

import { describe, expect, it } from 'vitest';
import { ErasureCode, typescriptKernel } from '../../src/gf8/index.ts';
import { Recent } from '../../src/gf8/recent.ts';
import { type ErasureKernel, nativeKernels } from '../../src/native.ts';
import { noise } from './noise.ts';

const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** All that GlusterFS allows. */
const geometries = upTo(17)
  .slice(2)
  .flatMap((data) =>
    upTo(data)
      .slice(1)
      .map((redundancy) => [data, data + redundancy] as const),
  );

function pick(fragments: readonly Uint8Array[], indices: readonly number[]): Map<number, Uint8Array> {
  return new Map(indices.map((index) => [index, fragments[index]!]));
}

describe.each<[string, ErasureKernel]>([['typescript', typescriptKernel], ...nativeKernels()])(
  '%s',
  (_name, kernel) => {
    it.each([
      [2, 3],
      [3, 5],
      [4, 6],
    ])('gives %i of %i back from every set of survivors, and re-creates the others', (data, fragments) => {
      const code = ErasureCode.of(data, fragments, kernel);
      const input = noise(code.stripe * 3);
      const all = code.encodeSync(input, upTo(fragments));
      const sets = upTo(1 << fragments)
        .map((set) => upTo(fragments).filter((index) => (set >> index) & 1))
        .filter((set) => set.length === data);
      for (const survivors of sets) {
        const lost = upTo(fragments).filter((index) => !survivors.includes(index));
        expect(same(code.decodeSync(pick(all, survivors)), input), survivors.join()).toBe(true);
        // In any order of the map.
        expect(same(code.decodeSync(pick(all, survivors.toReversed())), input)).toBe(true);
        const recreated = code.recreateSync(pick(all, survivors), lost);
        expect(recreated.every((fragment, at) => same(fragment, all[lost[at]!]!))).toBe(true);
      }
    });

    it('encodes only what is asked for, in the order in which it is', () => {
      const code = ErasureCode.of(8, 12, kernel);
      const input = noise(code.stripe);
      const all = code.encodeSync(input, upTo(12));
      const some = code.encodeSync(input, [11, 0, 1, 5]);
      expect(some).toEqual([11, 0, 1, 5].map((index) => all[index]));
      expect(code.encodeSync(input, [])).toEqual([]);
      expect(code.recreateSync(pick(all, upTo(8)), [])).toEqual([]);
    });

    it('makes nothing of nothing', async () => {
      const code = ErasureCode.of(4, 6, kernel);
      const empty = new Uint8Array(0);
      expect((await code.encode(empty, [0, 5])).map(({ length }) => length)).toEqual([0, 0]);
      const none = pick(
        upTo(6).map(() => empty),
        [0, 1, 2, 3],
      );
      expect((await code.decode(none)).length).toBe(0);
      expect((await code.recreate(none, [4])).map(({ length }) => length)).toEqual([0]);
    });
  },
);

it('every code agrees with TypeScript, with the first fragments lost', () => {
  for (const [data, fragments] of geometries) {
    const code = ErasureCode.of(data, fragments);
    const input = noise(code.stripe, data * 32 + fragments);
    const all = code.encodeSync(input, upTo(fragments));
    const oracle = ErasureCode.of(data, fragments, typescriptKernel).encodeSync(input, upTo(fragments));
    expect(all.every((fragment, index) => same(fragment, oracle[index]!))).toBe(true);
    const survivors = upTo(fragments).slice(fragments - data);
    expect(same(code.decodeSync(pick(all, survivors)), input), `${data} of ${fragments}`).toBe(true);
  }
  expect(geometries.length).toBe(120);
});

it('long jobs leave the event loop to others, and many of them at a time are not mixed up', async () => {
  const code = ErasureCode.of(4, 6);
  const inputs = upTo(6).map((seed) => noise(code.stripe * 700, seed + 1));
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  const encoded = await Promise.all(inputs.map((input) => code.encode(input, upTo(6))));
  const decoded = await Promise.all(encoded.map((all) => code.decode(pick(all, [1, 2, 4, 5]))));
  const recreated = await Promise.all(encoded.map((all) => code.recreate(pick(all, [1, 2, 4, 5]), [3, 0])));
  clearInterval(ticking);
  expect(decoded.every((back, at) => same(back, inputs[at]!))).toBe(true);
  for (const [at, input] of inputs.entries()) {
    expect(code.encodeSync(input, [0, 3]).every((one, index) => same(one, encoded[at]![index * 3]!))).toBe(
      true,
    );
    expect(same(recreated[at]![0]!, encoded[at]![3]!) && same(recreated[at]![1]!, encoded[at]![0]!)).toBe(
      true,
    );
  }
  // Without the addon there are no threads.
  if (nativeKernels().size > 0) expect(turns).toBeGreaterThan(0);
});

it('writes into the buffer that it is given', async () => {
  const code = ErasureCode.of(8, 11);
  for (const stripes of [1, 300]) {
    const input = noise(code.stripe * stripes);
    const all = await code.encode(input, upTo(11));
    const memory = Buffer.alloc(input.length + 7);
    const into = memory.subarray(3, 3 + input.length);
    expect(await code.decode(pick(all, upTo(11).slice(3)), into)).toBe(into);
    expect(same(into, input)).toBe(true);
    expect([...memory.subarray(0, 3), ...memory.subarray(-4)]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  }
});

it('there is one code of each kind', () => {
  expect(ErasureCode.of(4, 6)).toBe(ErasureCode.of(4, 6));
  expect(ErasureCode.of(4, 6)).not.toBe(ErasureCode.of(4, 7));
  expect(ErasureCode.of(4, 6)).not.toBe(ErasureCode.of(4, 6, { ...typescriptKernel }));
  expect(ErasureCode.of(16, 31).stripe).toBe(8192);
});

it.each([
  [1, 2],
  [4, 4],
  [4, 8],
  [2, 4],
  [17, 20],
  [0, 0],
  [-4, -2],
  [4.5, 6],
  [4, 5.5],
  [4, Number.NaN],
])('refuses a code of %d of %d', (data, fragments) => {
  expect(() => ErasureCode.of(data, fragments)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

it('refuses what does not fit the code', async () => {
  const code = ErasureCode.of(4, 6);
  const chunk = new Uint8Array(512);
  const four = pick([chunk, chunk, chunk, chunk, chunk, chunk], [0, 1, 2, 3]);
  const invalid = expect.objectContaining({ code: 'EINVAL' });
  expect(() => code.encodeSync(new Uint8Array(code.stripe - 1), [0])).toThrow(invalid);
  for (const indices of [[6], [-1], [0.5], [1, 1]])
    expect(() => code.encodeSync(new Uint8Array(code.stripe), indices)).toThrow(invalid);
  expect(() => code.decodeSync(new Map([...four].slice(1)))).toThrow(invalid);
  expect(() => code.decodeSync(new Map([...four, [4, chunk]]))).toThrow(invalid);
  expect(() => code.decodeSync(new Map([...four].slice(1)).set(6, chunk))).toThrow(invalid);
  expect(() => code.decodeSync(new Map(four).set(3, chunk.subarray(1)))).toThrow(invalid);
  expect(() => code.decodeSync(new Map([...four.keys()].map((key) => [key, chunk.subarray(1)])))).toThrow(
    invalid,
  );
  expect(() => code.decodeSync(four, new Uint8Array(code.stripe + 1))).toThrow(invalid);
  expect(() => code.recreateSync(four, [7])).toThrow(invalid);
  await expect(code.encode(chunk, [0])).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(code.decode(new Map())).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(code.recreate(four, [6])).rejects.toMatchObject({ code: 'EINVAL' });
});

it('what was used last is known, up to so many', () => {
  const recent = new Recent<string, number>(2);
  const computed: string[] = [];
  const get = (key: string): number =>
    recent.get(key, () => {
      computed.push(key);
      return key.length;
    });
  expect([get('a'), get('bb'), get('a'), get('ccc'), get('a'), get('bb')]).toEqual([1, 2, 1, 3, 1, 2]);
  expect(computed).toEqual(['a', 'bb', 'ccc', 'bb']);
  expect(recent.size).toBe(2);
});

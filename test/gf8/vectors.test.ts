import { describe, expect, it } from 'vitest';
import { ErasureCode, typescriptKernel } from '../../src/gf8/index.ts';
import { nativeKernels } from '../../src/native.ts';
import {
  contentOf,
  type Geometry,
  geometries,
  nameOf,
  storiesOf,
  wholeStripes,
} from '../helpers/disperse-vectors/stories.ts';
import { fingerprint, readVector } from '../helpers/disperse-vectors/vector.ts';

/* What the bricks of real disperse volumes hold (test/interop/disperse-fragments.test.ts has recorded it), on every kernel. */

const kernels = [['typescript', typescriptKernel] as const, ...nativeKernels()];
/** Of larger geometries' subsets of fragments so many are tried. */
const MOST_SUBSETS = 5000;

const indicesOf = ({ data, redundancy }: Geometry): number[] =>
  Array.from({ length: data + redundancy }, (_, index) => index);

function binomial(n: number, k: number): number {
  let result = 1;
  for (let at = 1; at <= k; at++) result = (result * (n - k + at)) / at;
  return Math.round(result);
}

/** All choices of `count` among the indices, in lexical order. */
function* subsets(indices: readonly number[], count: number): Generator<number[]> {
  if (count === 0) yield [];
  for (let at = 0; at + count <= indices.length && count > 0; at++)
    for (const rest of subsets(indices.slice(at + 1), count - 1)) yield [indices[at]!, ...rest];
}

/** Choices by a generator of our own, so that every run tries the same. */
function* sampled(indices: readonly number[], count: number): Generator<number[]> {
  let state = 1;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  for (let taken = 0; taken < MOST_SUBSETS; taken++) {
    const left = [...indices];
    yield Array.from({ length: count }, () => left.splice(below(left.length), 1)[0]!);
  }
}

it.each(geometries.map((geometry) => ({ name: nameOf(geometry), geometry })))(
  'the vector of $name is whole',
  ({ geometry }) => {
    const { files } = readVector(geometry);
    expect(files.map(({ name }) => name)).toEqual(storiesOf(geometry).map(({ name }) => name));
    expect(files[0]!.fragments).toHaveLength(geometry.data + geometry.redundancy);
  },
);

describe.each(kernels)('%s', (_level, kernel) => {
  describe.each(geometries.map((geometry) => ({ name: nameOf(geometry), geometry })))(
    '$name',
    ({ geometry }) => {
      const { data, redundancy } = geometry;
      const code = ErasureCode.of(data, data + redundancy, kernel);
      const { files } = readVector(geometry);
      const recorded = files[0]!.fragments!.map((text) => Buffer.from(text, 'base64'));
      const content = contentOf(storiesOf(geometry)[0]!);

      it('fragments are those of GlusterFS, byte for byte', () => {
        const fragments = code.encodeSync(content, indicesOf(geometry));
        for (const [index, fragment] of fragments.entries())
          expect(Buffer.compare(fragment, recorded[index]!), `fragment ${index}`).toBe(0);
      });

      it.each(storiesOf(geometry))('fragments of the file $name, too', async (story) => {
        const { size, fragmentSize, sha256 } = files.find(({ name }) => name === story.name)!;
        const whole = wholeStripes(contentOf(story), geometry);
        const fragments = await code.encode(whole, indicesOf(geometry));
        expect({ size, fragmentSize }).toEqual({
          size: contentOf(story).length,
          fragmentSize: fragments[0]!.length,
        });
        expect(fingerprint(fragments)).toBe(sha256);
      });

      const count = binomial(data + redundancy, data);
      const choices = count <= MOST_SUBSETS ? subsets : sampled;
      it(`GlusterFS's fragments give the data back, ${count <= MOST_SUBSETS ? 'all' : MOST_SUBSETS} of ${count} subsets`, () => {
        const into = Buffer.alloc(content.length);
        let tried = 0;
        for (const chosen of choices(indicesOf(geometry), data)) {
          into.fill(0);
          code.decodeSync(new Map(chosen.map((index) => [index, recorded[index]!])), into);
          if (!into.equals(content)) expect.fail(`not from [${chosen}]`);
          tried++;
        }
        expect(tried).toBe(Math.min(count, MOST_SUBSETS));
      });

      it('and every other fragment', () => {
        const lost = indicesOf(geometry).slice(0, redundancy);
        const there = indicesOf(geometry).slice(redundancy);
        const fragments = code.recreateSync(new Map(there.map((index) => [index, recorded[index]!])), lost);
        for (const [at, index] of lost.entries())
          expect(Buffer.compare(fragments[at]!, recorded[index]!), `fragment ${index}`).toBe(0);
      });
    },
  );
});

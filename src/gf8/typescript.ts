import type { ErasureKernel } from '../native.ts';
import { planesOfProduct } from './field.ts';
import { encodingMatrix } from './matrix.ts';

/** Bytes of a chunk: eight planes of 64 bytes, plane p has bit p of each of 512 field elements. */
export const CHUNK = 512;
/** Planes are summed 32 bits at a time. */
const PLANE_WORDS = 16;
const CHUNK_WORDS = 8 * PLANE_WORDS;

/** Words of a chunk wherever it lies: typed arrays of words would have to be aligned. */
class ChunkWords {
  readonly words = new Uint32Array(CHUNK_WORDS);
  readonly bytes = new Uint8Array(this.words.buffer);
}

/** At [factor]: for each plane of a product, the first words of the planes that it sums. Filled in as factors come up. */
const programs: number[][][] = [];

function programOf(factor: number): readonly (readonly number[])[] {
  programs[factor] ??= Array.from(planesOfProduct(factor), (set) =>
    [0, 1, 2, 3, 4, 5, 6, 7]
      .filter((plane) => ((set >> plane) & 1) === 1)
      .map((plane) => plane * PLANE_WORDS),
  );
  return programs[factor];
}

/** sum += factor * value */
function addProduct(sum: Uint32Array, factor: number, value: Uint32Array): void {
  let to = 0;
  for (const planes of programOf(factor)) {
    for (const from of planes)
      for (let word = 0; word < PLANE_WORDS; word++) sum[to + word]! ^= value[from + word]!;
    to += PLANE_WORDS;
  }
}

/** The kernels' `combine`, with a distance between the chunks of the sources too. */
function multiplyChunks(
  matrix: Uint8Array,
  sources: readonly Uint8Array[],
  sourceStep: number,
  targets: readonly Uint8Array[],
  targetStep: number,
  count: number,
): void {
  const values = sources.map(() => new ChunkWords());
  const sum = new ChunkWords();
  for (let at = 0; at < count; at++) {
    for (const [column, source] of sources.entries())
      values[column]!.bytes.set(source.subarray(at * sourceStep, at * sourceStep + CHUNK));
    for (const [row, target] of targets.entries()) {
      sum.words.fill(0);
      for (const [column, { words }] of values.entries())
        addProduct(sum.words, matrix[row * sources.length + column]!, words);
      target.set(sum.bytes, at * targetStep);
    }
  }
}

function evaluate(data: Uint8Array, points: Uint8Array, fragments: readonly Uint8Array[]): void {
  const { length } = fragments[0]!;
  const columns = data.length / length;
  const matrix = encodingMatrix(
    columns,
    Array.from(points, (point) => point - 1),
  );
  const sources = Array.from({ length: columns }, (_, column) => data.subarray(column * CHUNK));
  multiplyChunks(matrix, sources, columns * CHUNK, fragments, CHUNK, length / CHUNK);
}

function combine(
  matrix: Uint8Array,
  sources: readonly Uint8Array[],
  targets: readonly Uint8Array[],
  step: number,
): void {
  multiplyChunks(matrix, sources, CHUNK, targets, step, sources[0]!.length / CHUNK);
}

/** The oracle of the addon's kernels, and what does their work where there is no addon: here nothing has threads. */
export const typescriptKernel: ErasureKernel = {
  evaluate,
  evaluateThreaded: async (data, points, fragments) => evaluate(data, points, fragments),
  combine,
  combineThreaded: async (matrix, sources, targets, step) => combine(matrix, sources, targets, step),
};

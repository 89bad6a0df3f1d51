import { crc32cInTypescript, weakInTypescript } from '../../../src/checksum/index.ts';
import { decodingMatrix } from '../../../src/gf8/matrix.ts';
import { typescriptKernel } from '../../../src/gf8/typescript.ts';
import {
  CHUNK,
  contentOf,
  geometries,
  seededBytes,
  storiesOf,
} from '../../helpers/disperse-vectors/stories.ts';
import { readVector } from '../../helpers/disperse-vectors/vector.ts';

/* What run-cases.cc runs: its comment tells the format. */

const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value, 4 * at);
  return bytes;
};
const range = (length: number, first = 0): number[] => Array.from({ length }, (_, at) => first + at);

function evaluation(
  data: number,
  points: number[],
  input: Uint8Array,
  expected?: readonly Uint8Array[],
): Buffer {
  const length = input.length / data;
  const fragments = expected ?? points.map(() => new Uint8Array(length));
  const numbers = Uint8Array.from(points);
  if (expected === undefined) typescriptKernel.evaluate(input, numbers, fragments);
  return Buffer.concat([words(0, data, points.length, length / CHUNK), numbers, input, ...fragments]);
}

function combination(matrix: Uint8Array, sources: readonly Uint8Array[], step: number): Buffer {
  const rows = matrix.length / sources.length;
  const chunks = sources[0]!.length / CHUNK;
  const targets = range(rows).map(() => new Uint8Array((chunks - 1) * step + CHUNK));
  typescriptKernel.combine(matrix, sources, targets, step);
  return Buffer.concat([words(1, rows, sources.length, chunks, step), matrix, ...sources, ...targets]);
}

function checksums(length: number, state: number): Buffer[] {
  const data = seededBytes(`sum ${length}`, length);
  return [weakInTypescript, crc32cInTypescript].map((compute, kind) =>
    Buffer.concat([words(2 + kind, length, state), data, words(compute(data, state))]),
  );
}

/** Fragments of real volumes, evaluated, and put together from the last ones. */
function recorded(): Buffer[] {
  return geometries.flatMap((geometry) => {
    const content = contentOf(storiesOf(geometry)[0]!);
    const fragments = readVector(geometry).files[0]!.fragments!.map((text) => Buffer.from(text, 'base64'));
    const last = range(geometry.data, geometry.redundancy);
    return [
      evaluation(geometry.data, range(fragments.length, 1), content, fragments),
      combination(
        decodingMatrix(last),
        last.map((index) => fragments[index]!),
        geometry.data * CHUNK,
      ),
    ];
  });
}

/** All cases one behind the other, and how many they are. */
export function neonCases(): { bytes: Buffer; count: number } {
  const input = (data: number, stripes: number) => seededBytes(`${data} ${stripes}`, data * stripes * CHUNK);
  const cases = [
    ...recorded(),
    // Every point, alone and with its neighbour, in any order.
    ...range(31, 1).map((point) => evaluation(3, [point], input(3, 2))),
    evaluation(16, range(31, 1).reverse(), input(16, 3)),
    evaluation(16, range(30, 2), input(16, 1)),
    evaluation(1, [1, 2, 31], input(1, 5)),
    // Every factor.
    combination(
      Uint8Array.from(range(256)),
      range(16).map((at) => seededBytes(`f ${at}`, 3 * CHUNK)),
      CHUNK,
    ),
    combination(
      new Uint8Array(4),
      range(2).map((at) => seededBytes(`z ${at}`, CHUNK)),
      2 * CHUNK,
    ),
    ...[0, 1, 15, 16, 17, 63, 64, 65, 1023, 3071, 3072, 3073, 5551, 5552, 5553, 6145, 70_001].flatMap(
      (length) => [...checksums(length, 0), ...checksums(length, (65520 * 65536 + 65520) >>> 0)],
    ),
  ];
  return { bytes: Buffer.concat(cases), count: cases.length };
}

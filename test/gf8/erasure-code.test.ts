import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK, ErasureCode, typescriptKernel } from '../../src/gf8/index.ts';
import { type ErasureKernel, nativeKernels } from '../../src/native.ts';

/** Reproducible bytes with no pattern that sums could hide. */
function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
}

const kernels: [string, ErasureKernel][] = [['typescript', typescriptKernel], ...nativeKernels()];

describe.each(kernels)('%s', (_name, kernel) => {
  it('encodes and decodes 4+2', async () => {
    const code = ErasureCode.of(4, 6, kernel);
    const data = noise(code.stripe * 3);
    const fragments = await code.encode(data, [0, 1, 2, 3, 4, 5]);
    expect(fragments).toEqual(ErasureCode.of(4, 6, typescriptKernel).encodeSync(data, [0, 1, 2, 3, 4, 5]));
    const back = await code.decode(new Map([5, 1, 4, 2].map((index) => [index, fragments[index]!])));
    expect(Buffer.compare(back, data)).toBe(0);
  });
});

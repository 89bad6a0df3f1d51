import { loadAddon } from './addon.ts';

/**
 * A checksum that can go on: `state` is what the call for the bytes before returned, 0 at the start.
 * Results are unsigned 32-bit numbers.
 */
export type Checksum = (data: Uint8Array, state: number) => number;

/**
 * Writes each stripe's value at each point (1 to 31) to that point's buffer. `data` is whole stripes, highest power first;
 * its length is that of a fragment times the number of coefficients.
 */
export type Evaluate<Result> = (
  data: Uint8Array,
  points: Uint8Array,
  fragments: readonly Uint8Array[],
) => Result;

/**
 * Multiplies the matrix, a row for each target and a column for each source, with the sources' chunks; the sources are
 * whole chunks and of one length. `step` is the distance in bytes of a target's chunks from one another.
 */
export type Combine<Result> = (
  matrix: Uint8Array,
  sources: readonly Uint8Array[],
  targets: readonly Uint8Array[],
  step: number,
) => Result;

/** The erasure coding. The threaded ones work on libuv's pool: until they settle the buffers are theirs. */
export interface ErasureKernel {
  readonly evaluate: Evaluate<void>;
  readonly evaluateThreaded: Evaluate<Promise<void>>;
  readonly combine: Combine<void>;
  readonly combineThreaded: Combine<Promise<void>>;
}

export interface ChecksumKernel {
  /** The rolling checksum of RCHECKSUM. */
  readonly weak: Checksum;
  /** CRC-32C (Castagnoli). */
  readonly crc32c: Checksum;
}

/** The functions of one level of CPU instructions. */
export interface Kernel extends ChecksumKernel, ErasureKernel {}

/** What stands for "no kernel of the addon" in GLFS_SIMD and in `simdLevel`. */
export const TYPESCRIPT = 'typescript';

interface Choice {
  readonly level: string;
  readonly kernel: Kernel | undefined;
}

let choice: Choice | undefined;

/** Every kernel of the addon that this CPU can run, by level; empty where the addon did not build. */
export function nativeKernels(): ReadonlyMap<string, Kernel> {
  return new Map(Object.entries(loadAddon().addon?.kernels ?? {}));
}

/**
 * The kernel to use: the best one, or the one that the environment variable GLFS_SIMD names; undefined where TypeScript
 * does the work. Decided at the first call; says once, as a process warning, what it could not have.
 */
export function nativeKernel(): Kernel | undefined {
  choice ??= choose(process.env.GLFS_SIMD);
  return choice.kernel;
}

/** Level of instructions in use: `scalar`, `sse42`, `avx2`, `avx512`, `neon`, or `typescript`. */
export function simdLevel(): string {
  choice ??= choose(process.env.GLFS_SIMD);
  return choice.level;
}

function choose(wanted: string | undefined): Choice {
  const fallback: Choice = { level: TYPESCRIPT, kernel: undefined };
  if (wanted === TYPESCRIPT) return fallback;
  const available = [...nativeKernels()];
  const best = available.at(-1);
  if (best === undefined) {
    process.emitWarning('the native addon is not there, TypeScript does its work (more slowly)', {
      type: 'GlfsWarning',
      code: 'GLFS_NO_ADDON',
      detail: obstacle(loadAddon().reason),
    });
    return fallback;
  }
  const [level, kernel] = available.find(([name]) => name === wanted) ?? best;
  if (wanted !== undefined && wanted !== '' && level !== wanted) {
    const names = [...available.map(([name]) => name), TYPESCRIPT].join(', ');
    process.emitWarning(`GLFS_SIMD=${wanted} is not to be had here (${names}): ${level} is used`, {
      type: 'GlfsWarning',
      code: 'GLFS_SIMD',
    });
  }
  return { level, kernel };
}

/** Why an addon that is there can't be loaded. */
function obstacle(reason: unknown): string | undefined {
  if (!(reason instanceof Error) || (reason as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND')
    return undefined;
  return reason.message.split('\n', 1)[0];
}

import { GlfsError } from '../errors.ts';
import { type ErasureKernel, nativeKernel } from '../native.ts';
import { decodingMatrix, encodingMatrix, type Matrix, multiplyMatrices } from './matrix.ts';
import { Recent } from './recent.ts';
import { CHUNK, typescriptKernel } from './typescript.ts';

/** @source EC_METHOD_MAX_FRAGMENTS */
const MOST_DATA = 16;
/** So many sets of survivors have their matrix kept, for each code. */
const MATRICES = 256;
/** Below so many bytes of data the way to a thread and back costs more than the event loop gains by it. */
const WORTH_A_THREAD = 1024 * 1024;

/** What the kernel is to do: all of it checked, targets allocated. */
interface Job<Result> {
  readonly bytes: number;
  readonly result: Result;
  run(kernel: ErasureKernel): void;
  runThreaded(kernel: ErasureKernel): Promise<void>;
}

/**
 * The code of a disperse volume, GlusterFS's own: a stripe of `data` chunks are the coefficients of a polynomial over
 * GF(2^8), fragment i has its value at i + 1. No fragment has the data themselves, any `data` of them give them back.
 *
 * Buffers may have any alignment; they are read and written where they are. Until the promise settles they have to stay
 * unmodified, and what is read must not overlap what is written. The Sync variants do the same work at once; the others
 * put what is long on libuv's thread pool. All throw EINVAL where lengths or fragments don't fit the code.
 * @source ec-method.c
 */
export class ErasureCode {
  static readonly #codes = new WeakMap<ErasureKernel, Map<string, ErasureCode>>();

  readonly data: number;
  readonly fragments: number;
  /** Bytes of a stripe: `data` * 512. */
  readonly stripe: number;
  readonly #kernel: ErasureKernel;
  readonly #matrices = new Recent<string, Matrix>(MATRICES);

  private constructor(data: number, fragments: number, kernel: ErasureKernel) {
    this.data = data;
    this.fragments = fragments;
    this.stripe = data * CHUNK;
    this.#kernel = kernel;
  }

  /**
   * The code with `data` chunks a stripe, up to 16, and `fragments` of them in all, fewer than twice as many. EINVAL for
   * what GlusterFS does not allow. The kernel is the best one that the machine has.
   */
  static of(
    data: number,
    fragments: number,
    kernel: ErasureKernel = nativeKernel() ?? typescriptKernel,
  ): ErasureCode {
    const redundancy = fragments - data;
    const possible = Number.isInteger(data) && Number.isInteger(fragments) && data <= MOST_DATA;
    if (!possible || redundancy < 1 || redundancy >= data)
      throw new GlfsError('EINVAL', `there is no disperse code ${data}+${redundancy}`);
    const codes = ErasureCode.#codes.get(kernel) ?? new Map<string, ErasureCode>();
    ErasureCode.#codes.set(kernel, codes);
    const key = `${data}+${redundancy}`;
    const code = codes.get(key) ?? new ErasureCode(data, fragments, kernel);
    codes.set(key, code);
    return code;
  }

  /** Fragments of whole stripes: one for each index, 0 to `fragments` - 1, each as long as the data / `this.data`. */
  async encode(data: Uint8Array, indices: readonly number[]): Promise<Uint8Array[]> {
    return this.#start(this.#encoding(data, indices));
  }

  encodeSync(data: Uint8Array, indices: readonly number[]): Uint8Array[] {
    return this.#finish(this.#encoding(data, indices));
  }

  /** The stripes of exactly `this.data` fragments of one length, by index; written to `into`, of their length, if given. */
  async decode(fragments: ReadonlyMap<number, Uint8Array>, into?: Uint8Array): Promise<Uint8Array> {
    return this.#start(this.#decoding(fragments, into));
  }

  decodeSync(fragments: ReadonlyMap<number, Uint8Array>, into?: Uint8Array): Uint8Array {
    return this.#finish(this.#decoding(fragments, into));
  }

  /** Further fragments of the stripes that exactly `this.data` fragments make, without the stripes in between. */
  async recreate(
    fragments: ReadonlyMap<number, Uint8Array>,
    indices: readonly number[],
  ): Promise<Uint8Array[]> {
    return this.#start(this.#recreation(fragments, indices));
  }

  recreateSync(fragments: ReadonlyMap<number, Uint8Array>, indices: readonly number[]): Uint8Array[] {
    return this.#finish(this.#recreation(fragments, indices));
  }

  async #start<Result>(job: Job<Result>): Promise<Result> {
    if (job.bytes < WORTH_A_THREAD) return this.#finish(job);
    await job.runThreaded(this.#kernel);
    return job.result;
  }

  #finish<Result>(job: Job<Result>): Result {
    if (job.bytes > 0) job.run(this.#kernel);
    return job.result;
  }

  #encoding(data: Uint8Array, indices: readonly number[]): Job<Uint8Array[]> {
    if (data.length % this.stripe !== 0)
      throw new GlfsError('EINVAL', `${data.length} bytes are not stripes of ${this.stripe}`);
    this.#checkIndices(indices);
    const points = Uint8Array.from(indices, (index) => index + 1);
    const result = indices.map(() => allocate(data.length / this.data));
    return {
      bytes: indices.length === 0 ? 0 : data.length,
      result,
      run: (kernel) => kernel.evaluate(data, points, result),
      runThreaded: (kernel) => kernel.evaluateThreaded(data, points, result),
    };
  }

  #decoding(fragments: ReadonlyMap<number, Uint8Array>, into: Uint8Array | undefined): Job<Uint8Array> {
    const { survivors, sources, bytes } = this.#survivors(fragments);
    if (into !== undefined && into.length !== bytes)
      throw new GlfsError('EINVAL', `${bytes} bytes do not go into ${into.length}`);
    const matrix = this.#matrices.get(survivors.join(), () => decodingMatrix(survivors));
    const result = into ?? allocate(bytes);
    const targets = bytes === 0 ? [] : survivors.map((_, column) => result.subarray(column * CHUNK));
    return {
      bytes,
      result,
      run: (kernel) => kernel.combine(matrix, sources, targets, this.stripe),
      runThreaded: (kernel) => kernel.combineThreaded(matrix, sources, targets, this.stripe),
    };
  }

  #recreation(fragments: ReadonlyMap<number, Uint8Array>, indices: readonly number[]): Job<Uint8Array[]> {
    const { survivors, sources, bytes } = this.#survivors(fragments);
    this.#checkIndices(indices);
    const matrix = this.#matrices.get(`${survivors.join()}>${indices.join()}`, () =>
      multiplyMatrices(encodingMatrix(this.data, indices), decodingMatrix(survivors), this.data),
    );
    const result = indices.map(() => allocate(bytes / this.data));
    return {
      bytes: indices.length === 0 ? 0 : bytes,
      result,
      run: (kernel) => kernel.combine(matrix, sources, result, CHUNK),
      runThreaded: (kernel) => kernel.combineThreaded(matrix, sources, result, CHUNK),
    };
  }

  /** The fragments by rising index, so that one set of them has one matrix. */
  #survivors(fragments: ReadonlyMap<number, Uint8Array>): {
    survivors: readonly number[];
    sources: readonly Uint8Array[];
    bytes: number;
  } {
    if (fragments.size !== this.data)
      throw new GlfsError('EINVAL', `${fragments.size} fragments instead of ${this.data}`);
    const survivors = [...fragments.keys()].sort((one, other) => one - other);
    this.#checkIndices(survivors);
    const sources = survivors.map((index) => fragments.get(index)!);
    const { length } = sources[0]!;
    if (length % CHUNK !== 0 || sources.some((source) => source.length !== length))
      throw new GlfsError('EINVAL', `fragments are not of one length, or not chunks of ${CHUNK}`);
    return { survivors, sources, bytes: length * this.data };
  }

  /** Every index names a fragment, none of them twice. */
  #checkIndices(indices: readonly number[]): void {
    const known = indices.every((index) => Number.isInteger(index) && index >= 0 && index < this.fragments);
    if (!known || new Set(indices).size !== indices.length)
      throw new GlfsError('EINVAL', `[${indices.join()}] are not fragments of ${this.fragments}`);
  }
}

/** Bytes that will all be written; not of the pool, whose slices would share their memory. */
function allocate(length: number): Uint8Array {
  return Buffer.allocUnsafeSlow(length);
}

/*
 * Erasure coding: bytes of data in a second, on one core, of every kernel that the machine has, and of Intel's ISA-L with the
 * same matrix in the same run. `tsx bench/gf8.ts [--rounds 7] [--slice 40] [--bytes 131072,1048576] [--offset 0,16]
 * [--geometries 4+2,…]`. Needs what `npm run build:native` builds, and for ISA-L a C compiler and libisal-dev.
 *
 * What is counted: bytes that go in. Encoding reads k chunks of each stripe and writes all k + m fragments; decoding reads k
 * fragments, with the first m of them lost, and writes k chunks. GlusterFS's code is not systematic: no chunk is a copy, so ISA-L
 * multiplies the full matrix of k + m rows, and of k rows to decode. Every call has `--bytes` of data in, in buffers that are used
 * again and begin `--offset` bytes behind a page's beginning, for every engine: 0 is what C programs ask for, 16 what malloc gives
 * to Node. Kernels are called as the product calls them, by the addon's synchronous entry; ISA-L from C (bench/isal.c).
 * In each round every engine has its turn for each cell, and its best slice of 2 ms counts: what another process takes
 * away is not measured. Printed is the median of the rounds, and of the ratios of each round.
 */
import { randomFillSync } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { CHUNK, typescriptKernel } from '../src/gf8/index.ts';
import { decodingMatrix, encodingMatrix } from '../src/gf8/matrix.ts';
import { type ErasureKernel, nativeKernels } from '../src/native.ts';
import { Isal, type IsalLevel } from './lib/isal.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    slice: { type: 'string', default: '40' },
    bytes: { type: 'string', default: '131072,1048576' },
    offset: { type: 'string', default: '0,16' },
    geometries: { type: 'string', default: '2+1,4+2,8+3,8+4,16+4' },
  },
});
const rounds = Number(values.rounds);
const milliseconds = Number(values.slice);
const SLICE_NS = 2e6;
const PAGE_BYTES = 65_536;
/** The types of Node leave it out. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { Memory: new (size: { initial: number }) => { buffer: ArrayBuffer } };
};

type Operation = 'encode' | 'decode';

/** One line of the table, and what its engines have to do. */
class Cell {
  readonly rates = new Map<string, number[]>();
  readonly matrix: Uint8Array;
  /** Of each fragment. */
  readonly length: number;
  private readonly data: Uint8Array;
  private readonly points: Uint8Array;
  private readonly fragments: readonly Uint8Array[];
  private readonly survivors: readonly Uint8Array[];
  private readonly back: Uint8Array;
  private readonly targets: readonly Uint8Array[];

  constructor(
    readonly k: number,
    readonly m: number,
    readonly operation: Operation,
    bytes: number,
    readonly offset: number,
  ) {
    this.length = Math.floor(bytes / (k * CHUNK)) * CHUNK;
    const indices = Array.from({ length: k + m }, (_, index) => index);
    const last = indices.slice(m);
    this.matrix = operation === 'encode' ? encodingMatrix(k, indices) : decodingMatrix(last);
    this.data = randomFillSync(allocate(this.length * k, offset));
    this.points = Uint8Array.from(indices, (index) => index + 1);
    this.fragments = indices.map(() => allocate(this.length, offset));
    this.survivors = last.map((index) => this.fragments[index]!);
    this.back = allocate(this.data.length, offset);
    this.targets = last.map((_, column) => this.back.subarray(column * CHUNK));
    typescriptKernel.evaluate(this.data, this.points, this.fragments);
  }

  get bytes(): number {
    return this.data.length;
  }

  /** Throws where the kernel does not do what TypeScript does. */
  check(kernel: ErasureKernel): void {
    const fragments = this.fragments.map(() => Buffer.alloc(this.length));
    kernel.evaluate(this.data, this.points, fragments);
    const wrong = fragments.findIndex(
      (fragment, index) => Buffer.compare(fragment, this.fragments[index]!) !== 0,
    );
    this.back.fill(0);
    kernel.combine(this.matrixBack(), this.survivors, this.targets, this.k * CHUNK);
    if (wrong >= 0 || Buffer.compare(this.back, this.data) !== 0)
      throw new Error(`${this.k}+${this.m}: a kernel is wrong`);
  }

  private matrixBack(): Uint8Array {
    return decodingMatrix(Array.from({ length: this.k }, (_, index) => this.m + index));
  }

  private once(kernel: ErasureKernel): void {
    if (this.operation === 'encode') kernel.evaluate(this.data, this.points, this.fragments);
    else kernel.combine(this.matrix, this.survivors, this.targets, this.k * CHUNK);
  }

  /** Bytes in a second of the best slice. */
  measure(kernel: ErasureKernel): number {
    let best = 0;
    const end = process.hrtime.bigint() + BigInt(milliseconds * 1e6);
    do {
      const start = process.hrtime.bigint();
      let calls = 0;
      let elapsed = 0;
      do {
        this.once(kernel);
        calls++;
        elapsed = Number(process.hrtime.bigint() - start);
      } while (elapsed < SLICE_NS);
      best = Math.max(best, ((calls * this.bytes) / elapsed) * 1e9);
    } while (process.hrtime.bigint() < end);
    return best;
  }

  note(engine: string, rate: number): void {
    const all = this.rates.get(engine) ?? [];
    all.push(rate);
    this.rates.set(engine, all);
  }
}

/** WebAssembly's memories, unlike Node's buffers, begin with a page. */
function allocate(length: number, offset: number): Uint8Array {
  const pages = Math.ceil((length + offset) / PAGE_BYTES);
  return new Uint8Array(new WebAssembly.Memory({ initial: pages }).buffer, offset, length);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ratio of two engines, round by round. */
function ratio(cell: Cell, engine: string, other: string): string {
  const [mine, theirs] = [cell.rates.get(engine), cell.rates.get(other)];
  if (mine === undefined || theirs === undefined) return '-';
  return median(mine.map((rate, round) => rate / theirs[round]!)).toFixed(2);
}

const gigabytes = (cell: Cell, engine: string): string => {
  const all = cell.rates.get(engine);
  if (all === undefined) return '-';
  const rate = median(all) / 1e9;
  return rate.toFixed(rate < 1 ? 3 : rate < 10 ? 2 : 1);
};

const kernels = new Map<string, ErasureKernel>([['typescript', typescriptKernel], ...nativeKernels()]);
// The level without erasure coding of its own does what the one below it does.
kernels.delete('sse42');
using isal = Isal.build();
if (isal === undefined) console.error('no ISA-L: libisal-dev and a C compiler are needed for it');

/** Everything that has its turn in a round. */
const engines = new Map<string, (cell: Cell) => number>();
for (const [name, kernel] of kernels) engines.set(name, (cell) => cell.measure(kernel));
for (const level of isal === undefined ? [] : (['avx2', 'best'] satisfies IsalLevel[]))
  engines.set(`ISA-L ${level}`, (cell) =>
    isal!.measure(
      level,
      { matrix: cell.matrix, columns: cell.k, length: cell.length, offset: cell.offset },
      milliseconds,
    ),
  );

const load = (): string =>
  loadavg()
    .map((one) => one.toFixed(1))
    .join(' ');
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}, load ${load()}`);
const numbers = (list: string): number[] => list.split(',').map(Number);
for (const bytes of numbers(values.bytes))
  for (const offset of numbers(values.offset)) compare(bytes, offset);
console.log(`\nload at the end ${load()}`);

/** One table. */
function compare(bytes: number, offset: number): void {
  const cells = values.geometries.split(',').flatMap((name) => {
    const [k, m] = name.split('+').map(Number) as [number, number];
    return (['encode', 'decode'] as const).map((operation) => new Cell(k, m, operation, bytes, offset));
  });
  for (const cell of cells) for (const kernel of kernels.values()) cell.check(kernel);
  for (let round = 0; round < rounds; round++)
    for (const cell of cells) for (const [name, measure] of engines) cell.note(name, measure(cell));

  const names = [...engines.keys()];
  console.log(
    `\n${bytes} bytes of data a call, buffers at +${offset}, 10^9 bytes of data a second, median of ${rounds} rounds\n`,
  );
  const heads = ['work', ...names, 'avx2 ÷ ISA-L avx2', 'avx512 ÷ ISA-L best'];
  console.log(`| ${heads.join(' | ')} |\n|${'---|'.repeat(heads.length)}`);
  for (const cell of cells) {
    const columns = [
      `${cell.k}+${cell.m} ${cell.operation}`,
      ...names.map((name) => gigabytes(cell, name)),
      ratio(cell, 'avx2', 'ISA-L avx2'),
      ratio(cell, 'avx512', 'ISA-L best'),
    ];
    console.log(`| ${columns.join(' | ')} |`);
  }
}

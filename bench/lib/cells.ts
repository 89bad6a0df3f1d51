/** One combination that is measured: access, block size in bytes, calls in flight. */
export interface Cell {
  readonly access: 'read' | 'write';
  readonly block: number;
  readonly depth: number;
}

export const cells: readonly Cell[] = (['read', 'write'] as const).flatMap((access) =>
  [4096, 131072].flatMap((block) => [1, 16].map((depth) => ({ access, block, depth }))),
);

export function cellName({ access, block, depth }: Cell): string {
  return `${block / 1024}k ${access}, depth ${depth}`;
}

/** What one run of one contender gave. */
export interface Measurement {
  /** Operations per second. */
  readonly rate: number;
  /** Microseconds of the client's CPU per operation. */
  readonly cpu: number;
  /** Median latency in microseconds. */
  readonly median: number;
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

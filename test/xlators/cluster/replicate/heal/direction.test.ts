import { describe, expect, test } from 'vitest';
import { Dict } from '../../../../../src/protocol/dict.ts';
import { emptyIatt, S_IFREG } from '../../../../../src/protocol/iatt.ts';
import { has, indicesOf } from '../../../../../src/xlators/cluster/children.ts';
import { CLEAN } from '../../../../../src/xlators/cluster/replicate/changelog.ts';
import { findDirection } from '../../../../../src/xlators/cluster/replicate/heal/direction.ts';
import type { Examined } from '../../../../../src/xlators/cluster/replicate/heal/examine.ts';
import { judge } from '../../../../../src/xlators/cluster/replicate/heal/verdict.ts';
import type { ReplicateState } from '../../../../../src/xlators/cluster/replicate/state.ts';

/*
 * All matrices of 0 and 1, with all combinations of dirty, against an oracle that goes about it as GlusterFS 10.3 does
 * (afr_selfheal_find_direction, __afr_selfheal_data_finalize_source): arrays of flags that one rule after the other changes.
 */

type Flags = boolean[];

interface Oracle {
  readonly sources: Flags;
  readonly sinks: Flags;
  readonly witness: number[];
}

function oracle(
  matrix: readonly number[][],
  dirty: readonly number[],
  quorum: number,
  entry: boolean,
): Oracle {
  const n = matrix.length;
  const fool = matrix.map((row, i) => row[i]! > 0);
  const accused = Array<number>(n).fill(0);
  const pending = Array<number>(n).fill(0);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      if (matrix[i]![j] === 0) continue;
      if (!fool[i]) accused[j]!++;
      if (i !== j) pending[i]!++;
    }
  const sources = accused.map((count) => count === 0);
  const sinks = Array<boolean>(n).fill(false);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) if (sources[i] && !fool[i] && matrix[i]![j]! > 0) sinks[j] = true;
  const witness = Array<number>(n).fill(0);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) if (fool[i] && i !== j) witness[i]! += matrix[i]![j]!;
  if (!entry && !sources.includes(true))
    for (let i = 0; i < n; i++) if (accused[i]! < quorum) sources[i] = true;
  if (!sources.includes(true)) sinks.fill(true);
  const anyPending = pending.some((count) => count > 0);
  for (let i = 0; i < n; i++) {
    if (fool[i] && (!anyPending || pending[i]! > 0)) witness[i]! += matrix[i]![i]!;
    witness[i]! += dirty[i]!;
  }
  return { sources, sinks, witness };
}

function bits(count: number, value: number): number[] {
  return Array.from({ length: count }, (_, at) => (value >> at) & 1);
}

function* matrices(n: number): Generator<{ matrix: number[][]; dirty: number[] }> {
  for (let cells = 0; cells < 1 << (n * n); cells++)
    for (let dirty = 0; dirty < 1 << n; dirty++) {
      const all = bits(n * n, cells);
      yield { matrix: bits(n, 0).map((_, i) => all.slice(i * n, i * n + n)), dirty: bits(n, dirty) };
    }
}

function setOf(flags: readonly boolean[]): number {
  return flags.reduce((set, flag, index) => (flag ? set | (1 << index) : set), 0);
}

describe.each([
  { n: 2, quorum: 0 },
  { n: 2, quorum: 2 },
  { n: 3, quorum: 0 },
  { n: 3, quorum: 2 },
])('$n copies, $quorum accusers wanted', ({ n, quorum }) => {
  test.each(['data', 'metadata', 'entry'] as const)('direction of %s', (kind) => {
    let checked = 0;
    for (const { matrix, dirty } of matrices(n)) {
      const expected = oracle(matrix, dirty, quorum, kind === 'entry');
      const found = findDirection({ matrix, dirty }, (1 << n) - 1, kind, quorum);
      if (
        found.sources !== setOf(expected.sources) ||
        found.sinks !== setOf(expected.sinks) ||
        found.witness.some((count, index) => count !== expected.witness[index]) ||
        found.splitBrain !== !expected.sources.includes(true) ||
        found.pending !== matrix.flat().some((count) => count > 0)
      )
        expect({ matrix, dirty, found }).toEqual({ matrix, dirty, found: expected });
      checked++;
    }
    expect(checked).toBe(2 ** (n * n + n));
  });
});

type Decision = { readonly source: number; readonly sinks: number } | 'split-brain' | 'nothing';

interface Copy {
  readonly size: number;
  readonly ctime: number;
}

/** __afr_selfheal_data_finalize_source and what __afr_selfheal_data makes of it, without any policy. */
function decideData({ sources, sinks, witness }: Oracle, copies: readonly Copy[], arbiter: number): Decision {
  const n = copies.length;
  const empty = copies.every(({ size }) => size === 0);
  const good = [...sources];
  const of = (flags: Flags): number[] => copies.map((_, i) => i).filter((i) => flags[i]);
  if (sinks.every(Boolean) || of(good).length === 0) {
    if (!empty) return 'split-brain';
    return { source: 0, sinks: setOf(good.map((_, i) => i !== 0)) };
  }
  const sized = of(good).filter((i) => !(i === arbiter && copies[i]!.size === 0));
  const mismatch = sized.some((i) => copies[i]!.size !== copies[sized[0]!]!.size);
  if (mismatch || of(good).some((i) => witness[i]! > 0)) {
    const most = (value: (i: number) => number): void => {
      const best = Math.max(...of(good).map(value));
      for (const i of of(good)) if (value(i) < best) good[i] = false;
    };
    most((i) => copies[i]!.size);
    most((i) => witness[i]!);
    most((i) => copies[i]!.ctime);
    const last = of(good).at(-1)!;
    good.fill(false);
    good[last] = true;
    if (arbiter >= 0 && empty) {
      good.fill(false);
      good[0] = true;
    }
  }
  const source = of(good)[0]!;
  const healed = setOf(Array.from({ length: n }, (_, i) => !good[i]));
  if (healed === 0) return 'nothing';
  // Nothing can be copied from an arbiter: GlusterFS leaves the file as it is. We say why.
  if (source === arbiter && !empty) return 'split-brain';
  return { source, sinks: healed };
}

function stateOf(n: number, arbiter: number): ReplicateState {
  const all = (1 << n) - 1;
  const options = {
    'quorum-type': n === 2 ? 'none' : 'auto',
    'quorum-count': 0,
    'favorite-child-policy': 'none',
    'metadata-splitbrain-forced-heal': false,
  };
  return {
    children: Array.from({ length: n }, () => ({})),
    all,
    arbiter: arbiter < 0 ? undefined : arbiter,
    withData: arbiter < 0 ? all : all & ~(1 << arbiter),
    options,
  } as unknown as ReplicateState;
}

function examinedAs(size: number, ctime: number, pending: readonly number[], dirty: number): Examined {
  const stat = { ...emptyIatt(), mode: S_IFREG | 0o644, size, ctime: BigInt(ctime) };
  const counted = (data: number): typeof CLEAN => ({ ...CLEAN, data });
  return { stat, xdata: new Dict(), dirty: counted(dirty), pending: pending.map(counted) };
}

const shapes: readonly {
  readonly told: string;
  readonly sizes: readonly number[];
  readonly ctimes: readonly number[];
}[] = [
  { told: 'the same size', sizes: [7, 7, 7], ctimes: [5, 5, 5] },
  { told: 'the same size at different times', sizes: [7, 7, 7], ctimes: [5, 9, 3] },
  { told: 'different sizes', sizes: [7, 9, 9], ctimes: [5, 5, 5] },
  { told: 'nothing in them', sizes: [0, 0, 0], ctimes: [5, 5, 5] },
];

describe.each([
  { told: '2 copies', n: 2, arbiter: -1 },
  { told: '3 copies', n: 3, arbiter: -1 },
  { told: '2 copies and an arbiter', n: 3, arbiter: 2 },
])('$told', ({ n, arbiter }) => {
  test.each(shapes)('with $told: where data come from', ({ sizes, ctimes }) => {
    const state = stateOf(n, arbiter);
    const copies = sizes
      .slice(0, n)
      .map((size, index) => ({ size: index === arbiter ? 0 : size, ctime: ctimes[index]! }));
    const seen = new Set<string>();
    for (const { matrix, dirty } of matrices(n)) {
      const expected = decideData(oracle(matrix, dirty, n === 2 ? 0 : 2, false), copies, arbiter);
      const examination = copies.map(({ size, ctime }, i) => examinedAs(size, ctime, matrix[i]!, dirty[i]!));
      const verdict = judge(state, examination, 'data', undefined)!;
      const found: Decision =
        verdict.to === 'heal'
          ? { source: verdict.source, sinks: verdict.sinks }
          : verdict.to === 'leave'
            ? 'nothing'
            : 'split-brain';
      if (JSON.stringify(found) !== JSON.stringify(expected))
        expect({ matrix, dirty, found }).toEqual({ matrix, dirty, found: expected });
      if (verdict.to === 'heal') {
        expect(has(verdict.sinks, verdict.source)).toBe(false);
        expect(indicesOf(verdict.sources)).toContain(verdict.source);
      }
      seen.add(typeof found === 'string' ? found : 'heal');
    }
    // Each kind of answer came up: an oracle that never heals would prove nothing.
    expect(seen.has('heal') && seen.size >= 2).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Dict } from '../../../../src/protocol/dict.ts';
import { emptyIatt, type Iatt, S_IFDIR, S_IFREG } from '../../../../src/protocol/iatt.ts';
import {
  BAD_INODE,
  type CopyView,
  type CopyViews,
  judge,
  viewOf,
} from '../../../../src/xlators/cluster/replicate/accusations.ts';
import {
  type Changelog,
  CLEAN,
  encodeChangelog,
} from '../../../../src/xlators/cluster/replicate/changelog.ts';

interface Given {
  /** By accuser and accused: 1 for a pending change. */
  readonly matrix: readonly (readonly number[])[];
  readonly sizes?: readonly number[];
  /** Copies that have answered; all by default. */
  readonly there?: readonly boolean[];
  readonly bad?: readonly boolean[];
  readonly mode?: number;
  readonly kind?: keyof Changelog;
}

function viewsOf({
  matrix,
  sizes = [],
  there = [],
  bad = [],
  mode = S_IFREG,
  kind = 'data',
}: Given): CopyViews {
  return matrix.map((row, index): CopyView | undefined => {
    if (there[index] === false) return undefined;
    const stat: Iatt = { ...emptyIatt(), mode, size: sizes[index] ?? 0 };
    const accuses = row.map((count) => ({ ...CLEAN, [kind]: count }));
    return { stat, accuses, dirty: CLEAN, bad: bad[index] };
  });
}

/** What can be read, told as a sentence about each copy, by lists of names and not by bits. */
function oracle(
  given: Given,
  arbiter: number | undefined,
  busy: boolean,
): { readable: number[]; split: boolean } {
  const { matrix, sizes = [], there = [], bad = [], mode = S_IFREG } = given;
  const all = matrix.map((_, index) => index);
  const speaks = (index: number): boolean => there[index] !== false && bad[index] !== true;
  const isAccused = (index: number): boolean =>
    all.filter(speaks).some((accuser) => matrix[accuser]![index] !== 0);
  const unaccused = all.filter((index) => speaks(index) && !isAccused(index));
  const longest = Math.max(0, ...unaccused.map((index) => sizes[index] ?? 0));
  const isShort = (index: number): boolean =>
    mode === S_IFREG &&
    !busy &&
    unaccused.includes(index) &&
    index !== arbiter &&
    (sizes[index] ?? 0) < longest;
  const readable = unaccused.filter((index) => index !== arbiter && !isShort(index));
  const withData = all.filter((index) => index !== arbiter);
  return {
    readable,
    split: withData.some(speaks) && withData.every((index) => isAccused(index) || isShort(index)),
  };
}

function positions(set: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => index).filter((index) => (set & (1 << index)) !== 0);
}

function matrices(count: number): number[][][] {
  return Array.from({ length: 2 ** (count * count) }, (_, bits) =>
    Array.from({ length: count }, (_, row) =>
      Array.from({ length: count }, (_, column) => (bits >> (row * count + column)) & 1),
    ),
  );
}

function verdictOf(given: Given, arbiter: number | undefined, busy = false) {
  const count = given.matrix.length;
  return judge(viewsOf(given), { count, arbiter, busy });
}

const sets = [
  { name: 'two copies', count: 2, arbiter: undefined },
  { name: 'three copies', count: 3, arbiter: undefined },
  { name: 'two copies and an arbiter', count: 3, arbiter: 2 },
];

describe.each(sets)('$name', ({ count, arbiter }) => {
  const presences = Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, index) => ((bits >> index) & 1) === 1),
  );

  test.each(['data', 'metadata', 'entry'] as const)('all matrices of accusations in %s', (kind) => {
    const mode = kind === 'entry' ? S_IFDIR : S_IFREG;
    for (const matrix of matrices(count)) {
      for (const there of presences) {
        const given = { matrix, there, kind, mode };
        const expected = oracle(given, arbiter, false);
        const verdict = verdictOf(given, arbiter);
        const which = kind === 'metadata' ? 'metadata' : 'data';
        const other = kind === 'metadata' ? 'data' : 'metadata';
        expect({ readable: positions(verdict[which], count), split: verdict.splitBrain[which] }).toEqual(
          expected,
        );
        // What is said of one kind says nothing of the other.
        const present = positions(verdict[other], count);
        expect(present).toEqual(there.flatMap((is, index) => (is && index !== arbiter ? [index] : [])));
      }
    }
  });

  test('any sizes, with and without writers', () => {
    const flags = fc.array(fc.boolean(), { minLength: count, maxLength: count });
    const counters = fc.array(fc.constantFrom(0, 0, 0, 1, 7), { minLength: count, maxLength: count });
    fc.assert(
      fc.property(
        fc.array(counters, { minLength: count, maxLength: count }),
        fc.array(fc.constantFrom(0, 1, 4096), { minLength: count, maxLength: count }),
        flags,
        flags,
        fc.boolean(),
        fc.constantFrom(S_IFREG, S_IFDIR),
        (matrix, sizes, there, bad, busy, mode) => {
          const given: Given = { matrix, sizes, there, bad, mode, kind: mode === S_IFDIR ? 'entry' : 'data' };
          const verdict = verdictOf(given, arbiter, busy);
          const { readable, split } = oracle(given, arbiter, busy);
          expect(positions(verdict.data, count)).toEqual(readable);
          expect(verdict.splitBrain.data).toBe(split);
          if (arbiter !== undefined)
            expect(positions(verdict.data | verdict.metadata, count)).not.toContain(arbiter);
        },
      ),
    );
  });
});

describe('what a copy says', () => {
  const names = {
    pendingNames: ['trusted.afr.v-client-0', 'trusted.afr.v-client-1'],
    dirtyName: 'trusted.afr.dirty',
  };

  test('is read by position', () => {
    const xdata = new Dict()
      .setBytes('trusted.afr.v-client-1', encodeChangelog({ data: 3, entry: 1 }))
      .setBytes('trusted.afr.dirty', encodeChangelog({ metadata: 2 }));
    const { accuses, dirty, bad } = viewOf(names, emptyIatt(), xdata);
    expect(accuses).toEqual([CLEAN, { data: 3, metadata: 0, entry: 1 }]);
    expect(dirty).toEqual({ data: 0, metadata: 2, entry: 0 });
    expect(bad).toBe(false);
  });

  test('counts for nothing where the brick has found it corrupt', () => {
    const xdata = new Dict()
      .setBytes('trusted.afr.v-client-0', encodeChangelog({ data: 1 }))
      .setEntry(BAD_INODE, { type: 'int', value: 1n });
    const good = viewOf(names, emptyIatt());
    const verdict = judge([good, viewOf(names, emptyIatt(), xdata)], {
      count: 2,
      arbiter: undefined,
      busy: false,
    });
    expect(verdict.data).toBe(1);
    expect(verdict.splitBrain).toEqual({ data: false, metadata: false });
  });

  test('dirty alone accuses nobody, and is worth a look', () => {
    const xdata = new Dict().setBytes('trusted.afr.dirty', encodeChangelog({ data: 1 }));
    const view = viewOf(names, emptyIatt(), xdata);
    const verdict = judge([view, view], { count: 2, arbiter: undefined, busy: false });
    expect(verdict).toMatchObject({ data: 3, metadata: 3, pending: true });
  });
});

test('a copy that was not there may be right: what the others say is no split-brain', () => {
  const matrix = [
    [0, 1, 0],
    [1, 0, 0],
    [0, 0, 0],
  ];
  expect(verdictOf({ matrix, there: [true, true, false] }, undefined)).toMatchObject({
    data: 0,
    splitBrain: { data: false },
  });
  expect(verdictOf({ matrix }, undefined)).toMatchObject({ data: 4, splitBrain: { data: false } });
});

test('the arbiter tells who is right and is nobody to read from', () => {
  const matrix = [
    [0, 1, 0],
    [1, 0, 0],
    [0, 0, 0],
  ];
  expect(verdictOf({ matrix }, 2)).toMatchObject({ data: 0, splitBrain: { data: true } });
  const byArbiter = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 1, 0],
  ];
  expect(verdictOf({ matrix: byArbiter, sizes: [5, 5, 0] }, 2)).toMatchObject({ data: 1 });
});

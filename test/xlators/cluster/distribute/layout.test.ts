import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Subvolume } from '../../../../src/graph/index.ts';
import {
  type EntryState,
  HASH_MAX,
  Layout,
  type LayoutEntry,
  mergeReports,
  parseRange,
  rangeBytes,
} from '../../../../src/xlators/cluster/distribute/layout.ts';
import { newRanges } from '../../../../src/xlators/cluster/distribute/new-layout.ts';

function children(count: number): Subvolume[] {
  return Array.from({ length: count }, (_, index) => ({ name: `v-client-${index}` }) as Subvolume);
}

function entry(child: Subvolume, start: number, stop: number, state: EntryState = 'ok'): LayoutEntry {
  return { child, state, start, stop, commitHash: 0 };
}

/** Ranges in order, without those who take no part. */
function ranges(layout: Layout): [number, number][] {
  return layout.entries.filter(({ start, stop }) => start !== stop).map(({ start, stop }) => [start, stop]);
}

const u32 = fc.nat({ max: HASH_MAX });

describe('the layout attribute', () => {
  it('is four big-endian words', () => {
    const bytes = rangeBytes({ commitHash: 1, type: 0, start: 0x55555555, stop: 0xaaaaaaa9 });
    expect(Buffer.from(bytes).toString('hex')).toBe('000000010000000055555555aaaaaaa9');
  });

  it('survives writing and reading', () => {
    const range = fc.record({ commitHash: u32, type: fc.constantFrom(0, 1), start: u32, stop: u32 });
    fc.assert(
      fc.property(range, (one) => {
        expect(parseRange(rangeBytes(one))).toEqual(one);
      }),
    );
  });

  it('of another size or type is none', () => {
    expect(parseRange(undefined)).toBeUndefined();
    expect(parseRange(new Uint8Array(15))).toBeUndefined();
    expect(parseRange(rangeBytes({ commitHash: 0, type: 2, start: 0, stop: 1 }))).toBeUndefined();
  });
});

describe('a layout', () => {
  const [a, b, c] = children(3) as [Subvolume, Subvolume, Subvolume];

  it('finds the subvolume of a hash, both ends of a range included', () => {
    const layout = new Layout([entry(b, 0x80000000, HASH_MAX), entry(a, 0, 0x7fffffff)]);
    expect(layout.search(0)).toBe(a);
    expect(layout.search(0x7fffffff)).toBe(a);
    expect(layout.search(0x80000000)).toBe(b);
    expect(layout.search(HASH_MAX)).toBe(b);
    expect(layout.isGood).toBe(true);
  });

  it('has a hole where a subvolume is missing, and no subvolume for its hashes', () => {
    const layout = new Layout([entry(a, 0, 99), entry(c, 200, HASH_MAX), entry(b, 0, 0, 'ENOTCONN')]);
    expect(layout.anomalies).toMatchObject({ holes: 1, overlaps: 0, down: 1 });
    expect(layout.search(150)).toBeUndefined();
    expect(layout.down).toBe(b);
  });

  it('sees overlaps, holes at either end, and that nobody takes part', () => {
    expect(new Layout([entry(a, 0, 100), entry(b, 100, HASH_MAX)]).anomalies.overlaps).toBe(1);
    expect(new Layout([entry(a, 5, HASH_MAX)]).anomalies.holes).toBe(1);
    expect(new Layout([entry(a, 0, HASH_MAX - 1)]).anomalies.holes).toBe(1);
    expect(new Layout([entry(a, 0, 0), entry(b, 0, 0)]).anomalies.holes).toBe(1);
  });

  it('a subvolume that takes no part is fine, one that lacks the directory is not', () => {
    expect(new Layout([entry(a, 0, HASH_MAX), entry(b, 0, 0)]).isGood).toBe(true);
    const lacking = new Layout([entry(a, 0, HASH_MAX), entry(b, 0, 0, 'ENOENT')]);
    expect(lacking.isWhole).toBe(true);
    expect(lacking.isGood).toBe(false);
  });

  it('cut at random points is whole, in whatever order it is read', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 2, max: HASH_MAX - 2 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(cuts, u32, fc.infiniteStream(fc.nat()), (points, hash, order) => {
        const sorted = [...points]
          .sort((x, y) => x - y)
          .filter((at, index, all) => at - (all[index - 1] ?? 0) > 1);
        const starts = [0, ...sorted];
        const subvolumes = children(starts.length);
        const entries = starts.map((start, index) =>
          entry(subvolumes[index]!, start, (starts[index + 1] ?? HASH_MAX + 1) - 1),
        );
        const shuffled = entries
          .map((one) => ({ one, key: order.next().value as number }))
          .sort((x, y) => x.key - y.key)
          .map(({ one }) => one);
        const layout = new Layout(shuffled);
        expect(layout.isGood).toBe(true);
        const owner = entries.find(({ start, stop }) => start <= hash && hash <= stop)!.child;
        expect(layout.search(hash)).toBe(owner);
      }),
    );
  });

  it('put together from reports with two commit hashes has an invalid one', () => {
    const half = (commitHash: number, start: number, stop: number) =>
      rangeBytes({ commitHash, type: 0, start, stop });
    const reports = [
      { child: a, bytes: half(7, 0, 99) },
      { child: b, bytes: half(7, 100, HASH_MAX) },
    ];
    expect(mergeReports(reports, 1).commitHash).toBe(7);
    const mixed = mergeReports([reports[0]!, { child: b, bytes: half(8, 100, HASH_MAX) }], 1);
    expect(mixed.commitHash).toBe(1);
    const failed = mergeReports([reports[0]!, { child: b, error: 'ENOENT' }], 1);
    expect(failed.entryOf(b)!.state).toBe('ENOENT');
    expect(mergeReports([{ child: a }, { child: b, bytes: new Uint8Array(3) }], 1).anomalies.missing).toBe(1);
  });
});

describe('new ranges', () => {
  const state: fc.Arbitrary<EntryState> = fc.constantFrom('ok', 'unwritten', 'ENOENT', 'ENOTCONN', 'ENOSPC');
  const plan = fc.record({
    states: fc.array(state, { minLength: 1, maxLength: 20 }),
    rotation: u32,
    spread: fc.nat({ max: 8 }),
    weights: fc.option(fc.array(fc.nat({ max: 5_000_000 }), { minLength: 20, maxLength: 20 })),
    excluded: fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
  });

  it('cover every hash exactly once, among those who can take part', () => {
    fc.assert(
      fc.property(plan, ({ states, rotation, spread, weights, excluded }) => {
        const subvolumes = children(states.length);
        const index = (child: Subvolume): number => subvolumes.indexOf(child);
        const base = new Layout(subvolumes.map((child, at) => entry(child, 0, 0, states[at]!)));
        const layout = newRanges(base, {
          rotation,
          spread,
          weight: weights === null ? undefined : ({ child }) => weights[index(child)]!,
          excluded: ({ child }) => excluded[index(child)]!,
          commitHash: 5,
        });
        const willing = states.filter((one, at) => !excluded[at] && one !== 'ENOTCONN');
        const roomy = willing.filter((one) => one !== 'ENOSPC').length;
        const members = roomy > 0 ? roomy : willing.length;
        const given = ranges(layout);
        if (members === 0) {
          expect(given).toEqual([]);
          return;
        }
        expect(given.length).toBe(Math.min(members, spread === 0 ? members : spread));
        let next = 0;
        for (const [start, stop] of given) {
          expect(start).toBe(next);
          expect(stop).toBeGreaterThan(start);
          next = stop + 1;
        }
        expect(next).toBe(HASH_MAX + 1);
        for (const { child, start, stop } of layout.entries) {
          if (start === stop) continue;
          expect(excluded[index(child)]).toBe(false);
          expect(states[index(child)]).not.toBe('ENOTCONN');
          // As in GlusterFS, hash 0 belongs to a subvolume without range, if there is one: its entry reads 0 to 0.
          if (start > 0) expect(layout.search(start)).toBe(child);
          expect(layout.search(stop)).toBe(child);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are equal for equal subvolumes, as GlusterFS cuts them', () => {
    const subvolumes = children(3);
    const base = new Layout(subvolumes.map((child) => entry(child, 0, 0)));
    const layout = newRanges(base, { rotation: 1, spread: 0, excluded: () => false, commitHash: 0 });
    expect(ranges(layout)).toEqual([
      [0, 0x55555554],
      [0x55555555, 0xaaaaaaa9],
      [0xaaaaaaaa, 0xffffffff],
    ]);
    expect(layout.search(0)).toBe(subvolumes[1]);
  });

  it('are in proportion to the weights', () => {
    const [a, b] = children(2) as [Subvolume, Subvolume];
    const base = new Layout([entry(a, 0, 0), entry(b, 0, 0)]);
    const weight = ({ child }: LayoutEntry): number => (child === a ? 300 : 100);
    const layout = newRanges(base, { rotation: 0, spread: 0, weight, excluded: () => false, commitHash: 0 });
    const { start, stop } = layout.entryOf(a)!;
    expect((stop - start) / HASH_MAX).toBeCloseTo(0.75, 6);
  });
});

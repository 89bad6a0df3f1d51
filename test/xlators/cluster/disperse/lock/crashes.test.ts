import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { GlfsError } from '../../../../../src/errors.ts';
import { DIRTY, VERSION } from '../../../../../src/xlators/cluster/disperse/lock/counters.ts';
import type { Changes } from '../../../../../src/xlators/cluster/disperse/lock/held.ts';
import { DispersedFile } from '../../../../helpers/dispersed-file.ts';

const FOPS = ['inodelk', 'xattrop', 'setattr'] as const;
const POSITIONS: Record<Changes, readonly number[]> = { data: [0], metadata: [1], both: [0, 1] };

/** The brick goes at its nth call, which it has executed or not: nobody is told. */
function goesAt(file: DispersedFile, brick: number, nth: number, executed: boolean): void {
  let calls = 0;
  for (const fop of FOPS) {
    file.wrap(brick, fop, async (next) => {
      if (++calls !== nth) return await next();
      if (executed) await next();
      file.down(brick);
      throw new GlfsError('ENOTCONN', undefined, { outcome: 'unknown' });
    });
  }
}

/** Bricks that lack a change show it by their version, from the moment when its caller has been told. */
function expectShown(file: DispersedFile, name: string, changes: Changes): void {
  const have = file.changes.flatMap((made, index) => (made.has(name) ? [index] : []));
  const lack = file.changes.flatMap((made, index) => (made.has(name) ? [] : [index]));
  expect(have.length).toBeGreaterThanOrEqual(4);
  for (const kind of POSITIONS[changes]) {
    const best = have.map((index) => file.get(index, VERSION)[kind]!);
    const highest = best.toSorted((one, other) => Number(other - one))[0]!;
    expect(best.filter((one) => one === highest).length).toBeGreaterThanOrEqual(4);
    for (const index of lack) expect(file.get(index, VERSION)[kind]).toBeLessThan(highest);
  }
}

async function story(file: DispersedFile, changes: Changes): Promise<void> {
  // Slow counters: who is told before they are moved sees the old ones.
  for (const brick of file.bricks.keys()) {
    file.wrap(brick, 'xattrop', async (next) => {
      await turn();
      return await next();
    });
  }
  for (const name of ['a', 'b', 'c']) {
    await file.change(name, { changes });
    expectShown(file, name, changes);
  }
}

const kinds: [string, 'file' | 'directory', Changes][] = [
  ['bytes', 'file', 'both'],
  ['attributes', 'file', 'metadata'],
  ['names', 'directory', 'both'],
];

describe.each(kinds)('a change of %s, while bricks go', (_, type, changes) => {
  const steps = Array.from({ length: 8 }, (_, index) => index + 1);

  test.each(steps.flatMap((nth) => [true, false].map((executed) => ({ nth, executed }))))(
    'one, at its call $nth (executed: $executed)',
    async ({ nth, executed }) => {
      const file = new DispersedFile({ type });
      goesAt(file, 2, nth, executed);
      await story(file, changes);
      await file.settle();
      for (const name of ['a', 'b', 'c']) expectShown(file, name, changes);
      const behind = file.changes[2]!.size < 3;
      if (behind) {
        // The index of a brick that is there lists it for the healer.
        const position = POSITIONS[changes][0]!;
        expect(file.get(0, DIRTY)[position]).toBeGreaterThan(0n);
      }
    },
  );

  test.each(steps)('two, at their call %i and the next', async (nth) => {
    const file = new DispersedFile({ type });
    goesAt(file, 0, nth, false);
    goesAt(file, 5, nth + 1, true);
    await story(file, changes);
    await file.settle();
    for (const name of ['a', 'b', 'c']) expectShown(file, name, changes);
  });

  test.each(steps)('one, at its call %i, and it comes back: it stays behind', async (nth) => {
    const file = new DispersedFile({ type });
    goesAt(file, 3, nth, false);
    await story(file, changes);
    await file.settle();
    const missed = file.changes[3]!.size < 3;
    file.up(3);
    await file.change('d', { changes });
    await file.settle();
    expectShown(file, 'd', changes);
    // Bytes are only written to who has all that came before; names to whoever is there.
    if (type === 'file' && missed) expect(file.changes[3]!.has('d')).toBe(false);
  });
});

test('three that go leave an error, and a file that is marked', async () => {
  const file = new DispersedFile();
  for (const brick of [0, 1, 2]) {
    file.wrap(brick, 'setattr', () => {
      file.down(brick);
      throw new GlfsError('ENOTCONN', undefined, { outcome: 'unknown' });
    });
  }
  const changed = file.state.locks.run(
    [{ inode: file.inode, changes: 'both' }],
    { uid: 0, gid: 0, groups: [], pid: 1, lkOwner: new Uint8Array([1]) },
    async ([held]) => {
      await file.wind('a', held!);
      throw new GlfsError('ENOTCONN', undefined, { outcome: 'unknown' });
    },
  );
  await expect(changed).rejects.toMatchObject({ code: 'ENOTCONN' });
  await file.settle();
  expect(file.get(4, DIRTY)).toEqual([1n, 1n]);
});

test('the brick that has gone is not trusted with its lock when it is back at once', async () => {
  const file = new DispersedFile();
  await file.change('a');
  file.forgetCalls();
  file.down(1);
  file.up(1);
  await file.change('b');
  // The old lock is given back, with what it owes, and another one taken.
  expect(file.calls(0).slice(0, 3)).toEqual(['add version 1/1', 'drop', 'try']);
  expect(file.calls(1)[0]).toBe('try');
  await file.settle();
});

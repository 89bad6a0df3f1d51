import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Volume } from '../../../../../src/api/index.ts';
import { rootContext } from '../../../../../src/graph/index.ts';
import { healFile } from '../../../../../src/xlators/cluster/replicate/heal/index.ts';
import { differencesOfBricks } from '../../../../helpers/bricks-identical.ts';
import { allUp, healListed, numbered, tapCopies } from '../../../../helpers/healing.ts';
import { newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';

let set: ReplicaCopies | undefined;
let volume: Volume | undefined;
afterEach(async () => {
  await volume?.close();
  await set?.[Symbol.asyncDispose]();
});

const BLOCK = 128 * 1024;
const SIZE = 12 * BLOCK;

/** Numbers that look random and are the same in each run. */
function* randoms(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

test.each([
  { seed: 1, options: {} },
  { seed: 2, options: { 'data-self-heal-algorithm': 'full', 'data-self-heal-window-size': '1' } },
  { seed: 3, options: { 'data-self-heal-algorithm': 'diff', 'data-self-heal-window-size': '2' } },
] as { seed: number; options: Record<string, string> }[])(
  'a writer writes while a file is healed: seed $seed',
  async ({ seed, options }) => {
    set = await ReplicaCopies.start(options);
    volume = await set.cluster.connect('r', { entryTimeout: 0 });
    const victim = seed % 3;
    const model = numbered(SIZE, 1);
    await using file = await volume.open('/file', 'wx+');
    await file.pwrite(model, 0);
    await set.bricks[victim]!.kill();
    const missed = numbered(SIZE - BLOCK, 2);
    await file.pwrite(missed, 5);
    model.set(missed, 5);
    await set.bricks[victim]!.restart();
    await allUp(set);
    const random = randoms(seed);
    let healing = true;
    let during = 0;
    const writer = async (): Promise<void> => {
      while (healing) {
        const offset = random.next().value % (SIZE - 5000);
        const data = numbered(1 + (random.next().value % 5000), random.next().value % 1000);
        await file.pwrite(data, offset);
        model.set(data, offset);
        during++;
      }
    };
    const { gfid } = await set.copies[(victim + 1) % 3]!.lookup('file');
    const healer = healFile(set.state, gfid, rootContext()).finally(() => {
      healing = false;
    });
    const [result] = await Promise.all([healer, writer()]);
    expect(['healed', 'busy', 'failed']).toContain(result.status);
    await file.sync();
    await file.close();
    // What was left, or was under way when the heal ended.
    await healListed(set);
    expect(during).toBeGreaterThan(0);
    const directories = set.bricks.map(({ directory }) => directory);
    for (const directory of directories) {
      const found = readFileSync(join(directory, 'file'));
      expect(found.equals(model)).toBe(true);
    }
    expect(differencesOfBricks(directories, { mtimes: false })).toEqual([]);
  },
);

test('the source loses a write in the middle of a heal: nothing of it is forgotten', async () => {
  set = await ReplicaCopies.start({ 'data-self-heal-window-size': '1' });
  const [first, second, third] = set.copies;
  const old = 'o'.repeat(3 * BLOCK);
  const good = 'g'.repeat(3 * BLOCK);
  const gfid = newGfid();
  for (const copy of set.copies) await copy.create('file', gfid, copy === third ? old : good);
  for (const copy of [first!, second!]) await copy.accuse('file', [2], { data: 1 });
  // Another client, which can't reach the first copy, writes the last block and accuses it: between two windows.
  let windows = 0;
  const untap = tapCopies(set.state, async ({ index, fop, request, go }) => {
    const { flock } = request as { flock?: { start: bigint; length: bigint; type: number } };
    if (
      fop === 'inodelk' &&
      index === 0 &&
      flock?.type !== 2 &&
      flock?.length === BigInt(BLOCK) &&
      ++windows === 2
    ) {
      untap();
      for (const copy of [second!, third!]) await copy.accuse('file', [0], { data: 1 });
      const result = await go();
      return result;
    }
    return go();
  });
  const result = await healFile(set.state, gfid, rootContext());
  untap();
  expect(windows).toBe(2);
  expect(result.status).toBe('busy');
  // The marks are as they were: the sink is still accused, and so is the source now.
  expect(readFileSync(join(set.bricks[2]!.directory, 'file'), 'latin1').slice(BLOCK)).toBe(old.slice(BLOCK));
  const again = await healFile(set.state, gfid, rootContext());
  expect(again).toMatchObject({ status: 'healed', sinks: 0b101 });
});

import { afterEach, expect, test } from 'vitest';
import type { HealOutcome, Volume } from '../../../../../src/api/index.ts';
import { rootContext } from '../../../../../src/graph/index.ts';
import { healFile } from '../../../../../src/xlators/cluster/disperse/heal/index.ts';
import { FragmentBricks } from '../../../../helpers/fragment-bricks.ts';
import { differencesOfFragments, wrongFragments } from '../../../../helpers/fragment-checks.ts';
import { numbered, tapCopies } from '../../../../helpers/healing.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

let set: FragmentBricks | undefined;
let volume: Volume | undefined;
afterEach(async () => {
  await volume?.close();
  await set?.[Symbol.asyncDispose]();
});

const SIZE = 2_000_000;

/** Numbers that look random and are the same in each run. */
function* randoms(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

/** A file of which these bricks have missed nearly all bytes. */
async function damaged(away: readonly number[]): Promise<Buffer> {
  set = await FragmentBricks.start('disperse 4+2', { 'self-heal-window-size': '1', 'background-heals': '0' });
  volume = await set.connect();
  const model = numbered(SIZE, 1);
  await volume.writeFile('/file', model);
  const missed = numbered(SIZE - 9_000, 2);
  await set.without(volume, away, async () => {
    await using file = await volume!.open('/file', 'r+');
    await file.pwrite(missed, 5);
  });
  model.set(missed, 5);
  return model;
}

async function healAll(): Promise<HealOutcome[]> {
  const outcomes: HealOutcome[] = [];
  for await (const outcome of volume!.healer().start()) outcomes.push(outcome);
  return outcomes;
}

async function expectWhole(model: Buffer): Promise<void> {
  expect(set!.listed()).toEqual([]);
  expect(differencesOfFragments(set!.directories, { mtimes: false })).toEqual([]);
  expect(Buffer.from(await volume!.readFile('/file')).equals(model)).toBe(true);
  expect((await wrongFragments(volume!, set!.directories, 4)).wrong).toEqual([]);
}

/** Calls `act` once, before the heal's `count`th call of that kind. */
function before(fop: string, count: number, act: () => Promise<unknown>): () => void {
  let calls = 0;
  let acting: Promise<unknown> | undefined;
  return tapCopies(set!.state, async ({ fop: name, go }) => {
    if (name === fop && ++calls === count) acting = act();
    if (name === fop) await acting;
    return go();
  });
}

test.each([1, 2, 3])('a writer writes while fragments are healed: seed %i', async (seed) => {
  const model = await damaged([seed, 5]);
  await using file = await volume!.open('/file', 'r+');
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
  const healer = set!.heal('/file').finally(() => {
    healing = false;
  });
  const [{ status }] = await Promise.all([healer, writer()]);
  expect(status).toBe('healed');
  expect(during).toBeGreaterThan(0);
  await file.close();
  await healAll();
  await expectWhole(model);
});

test('a file that grows and shrinks during its heal', async () => {
  await damaged([0, 3]);
  let resized: Promise<unknown> | undefined;
  // It waits for the lock under which the heal writes.
  const restore = before('write', 3, async () => {
    resized = volume!.truncate('/file', 700_001).then(() => volume!.truncate('/file', SIZE + 500_000));
  });
  await set!.heal('/file');
  restore();
  expect(resized).toBeDefined();
  await resized;
  await healAll();
  expect((await volume!.stat('/file')).size).toBe(SIZE + 500_000);
  await expectWhole(Buffer.from(await volume!.readFile('/file')));
});

test('a brick that is healed dies in the middle: the other one is healed, and it is by the next heal', async () => {
  const model = await damaged([2, 4]);
  const restore = before('write', 5, () => set!.bricks[4]!.kill());
  const { status, sinks } = await set!.heal('/file');
  restore();
  expect(status).toBe('failed');
  expect(sinks).toBe(1 << 2);
  expect(set!.listed().length).toBeGreaterThan(0);
  await set!.bricks[4]!.restart();
  await set!.allUp();
  await waitUntil(
    () =>
      volume!
        .healer()
        .bricks()
        .every(({ up }) => up),
    { what: 'all bricks' },
  );
  await healAll();
  await expectWhole(model);
});

test('a good brick dies in the middle: another one is read', async () => {
  const model = await damaged([5]);
  const restore = before('write', 2, () => set!.bricks[0]!.kill());
  const { sinks, status } = await set!.heal('/file');
  restore();
  // A change of the counters may have been under way; then the next heal does it.
  expect(['healed', 'busy', 'failed']).toContain(status);
  if (status === 'healed') expect(sinks).toBe(1 << 5);
  // Not all bricks are there: the file stays in the index.
  expect(set!.listed().length).toBeGreaterThan(0);
  await set!.bricks[0]!.restart();
  await set!.allUp();
  await waitUntil(
    () =>
      volume!
        .healer()
        .bricks()
        .every(({ up }) => up),
    { what: 'all bricks' },
  );
  await healAll();
  await expectWhole(model);
});

test('a heal that is given up leaves marks by which the next one finds it', async () => {
  const model = await damaged([1, 2]);
  const patience = new AbortController();
  const restore = before('write', 3, async () => patience.abort());
  const gfid = await set!.lookup('/file');
  const { status } = await healFile(set!.state, gfid, rootContext({ signal: patience.signal }));
  restore();
  expect(status).toBe('failed');
  expect(Buffer.from(await volume!.readFile('/file')).equals(model)).toBe(true);
  await healAll();
  await expectWhole(model);
});

test('with no more bricks than it takes to read nothing is healed, and nothing touched', async () => {
  const model = await damaged([1]);
  for (const index of [0, 4]) await set!.bricks[index]!.kill();
  await waitUntil(() => (set!.state.up & 0b010001) === 0, { what: 'bricks that are away' });
  const { status } = await set!.heal('/file');
  expect(status).toBe('failed');
  for (const index of [0, 4]) await set!.bricks[index]!.restart();
  await set!.allUp();
  await waitUntil(
    () =>
      volume!
        .healer()
        .bricks()
        .every(({ up }) => up),
    { what: 'all bricks' },
  );
  await healAll();
  await expectWhole(model);
});

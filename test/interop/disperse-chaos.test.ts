import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachPool } from '../helpers/attach.ts';
import { realFlavours } from '../helpers/chaos/flavours.ts';
import { realWorld } from '../helpers/chaos/real-world.ts';
import { playRound } from '../helpers/chaos/round.ts';

/*
 * As test/xlators/cluster/disperse/chaos.test.ts, on real bricks, healed by glfs and by GlusterFS's self-heal daemon in
 * turn. GLFS_CHAOS_SEED=seed GLFS_CHAOS_ROUNDS=1 plays one round again.
 */
const pool = attachPool();
/** Those in which more bricks are away than a set can do without are the soak's. */
const flavours = realFlavours.filter(({ stormy }) => !stormy);
const first = Number(process.env.GLFS_CHAOS_SEED ?? 1);
const rounds = Number(process.env.GLFS_CHAOS_ROUNDS ?? 0) / 2;

// Left out unless GLFS_CHAOS_ROUNDS says how many: for what they have found cluster/disperse is not served yet
// (docs/decisions/0017).
describe.skipIf(rounds === 0).each([
  ['chaos-4-2', 'disperse 6 redundancy 2', '127.1.125'],
  ['chaos-2-1', 'disperse 3 redundancy 1', '127.1.126'],
])('%s', (name, type, subnet) => {
  let world: Awaited<ReturnType<typeof realWorld>>;
  beforeAll(async () => {
    world = await realWorld({ pool, name, type, subnet });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  test.each(Array.from({ length: rounds }, (_, index) => first + index))('seed %i', async (seed) => {
    // The second half is the daemon's: switching it takes seconds.
    world.by = seed - first < rounds / 2 ? 'glfs' : 'daemon';
    await playRound(world, flavours[seed % flavours.length]!, seed);
  });

  test('enough of it fell into the midst of transactions', () => {
    const { cuts, locked, changing } = world.watch.tally;
    expect(cuts).toBeGreaterThanOrEqual(rounds);
    expect(locked).toBeGreaterThanOrEqual(rounds / 2);
    expect(changing).toBeGreaterThanOrEqual(Math.floor(rounds / 4));
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachPool } from '../helpers/attach.ts';
import { realFlavours } from '../helpers/chaos/flavours.ts';
import { realWorld } from '../helpers/chaos/real-world.ts';
import { playRound } from '../helpers/chaos/round.ts';
import { listedByGluster } from '../helpers/heal-info.ts';

/*
 * As test/xlators/cluster/replicate/chaos.test.ts, on real bricks, healed by glfs and by GlusterFS's self-heal daemon in
 * turn. GLFS_CHAOS_SEED=seed GLFS_CHAOS_ROUNDS=1 plays one round again.
 */
const pool = attachPool();
const first = Number(process.env.GLFS_CHAOS_SEED ?? 1);
const rounds = Number(process.env.GLFS_CHAOS_ROUNDS ?? 20) / 2;

describe.each([
  ['chaos-full', 'replica 3', '127.1.123'],
  ['chaos-arbiter', 'replica 3 arbiter 1', '127.1.124'],
])('%s', (name, type, subnet) => {
  let world: Awaited<ReturnType<typeof realWorld>>;
  beforeAll(async () => {
    world = await realWorld({ pool, name, type, subnet });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  test.each(Array.from({ length: rounds }, (_, index) => first + index))('seed %i', async (seed) => {
    // The second half is the daemon's: switching it takes seconds.
    world.by = seed - first < rounds / 2 ? 'glfs' : 'daemon';
    await playRound(world, realFlavours[seed % realFlavours.length]!, seed);
  });

  test('is in no split-brain, and enough of it fell into the midst of transactions', async () => {
    const listed = await listedByGluster(world.volume, 'split-brain');
    expect(Object.values(listed)).toEqual(Array.from({ length: world.size }, () => []));
    const { cuts, locked, changing } = world.watch.tally;
    expect(cuts).toBeGreaterThanOrEqual(rounds);
    expect(locked).toBeGreaterThanOrEqual(rounds / 2);
    expect(changing).toBeGreaterThanOrEqual(Math.floor(rounds / 4));
  });
});

import { afterAll, describe, expect, test, vi } from 'vitest';
import { embeddedWorld } from '../../../helpers/chaos/embedded-world.ts';
import { embeddedFlavours } from '../../../helpers/chaos/flavours.ts';
import { playRound } from '../../../helpers/chaos/round.ts';

/*
 * Random schedules, as replicate's: up to `redundancy` bricks at once die, stop, are cut off and do wrong. Afterwards every
 * fragment must be what the bytes of its file make. GLFS_CHAOS_SEED=seed GLFS_CHAOS_ROUNDS=1 plays a round again.
 */
const first = Number(process.env.GLFS_CHAOS_SEED ?? 1);
const rounds = Number(process.env.GLFS_CHAOS_ROUNDS ?? 0);
const flavours = embeddedFlavours;
const types = ['disperse 4+2', 'disperse 4+2', 'disperse 2+1'];

const sum = { cuts: 0, locked: 0, changing: 0, operations: 0, refused: 0, heals: 0 };

// Rounds wait more than they work: several share the time.
vi.setConfig({ maxConcurrency: 4 });

// Left out unless GLFS_CHAOS_ROUNDS says how many: one in some hundred ends with a wrong read, for which cluster/disperse is not
// served yet (docs/decisions/0017).
describe.skipIf(rounds === 0)('random schedules', () => {
  test.concurrent.each(Array.from({ length: rounds }, (_, index) => first + index))(
    'seed %i',
    async (seed) => {
      const flavour = flavours[seed % flavours.length]!;
      await using world = await embeddedWorld(types[seed % types.length]!, seed);
      const { operations, refused, heals } = await playRound(world, flavour, seed);
      const { cuts, locked, changing } = world.watch.tally;
      for (const [key, count] of Object.entries({ cuts, locked, changing, operations, refused, heals }))
        sum[key as keyof typeof sum] += count;
    },
    180_000,
  );

  test.runIf(rounds >= 100)('enough of it fell into the midst of transactions, and most went well', () => {
    expect(sum.cuts).toBeGreaterThan(rounds);
    expect(sum.locked).toBeGreaterThan(rounds / 2);
    expect(sum.changing).toBeGreaterThan(rounds / 4);
    expect(sum.heals).toBeGreaterThan(rounds);
    expect(sum.refused).toBeLessThan(sum.operations / 2);
  });
});

afterAll(() => {
  if (process.env.GLFS_CHAOS_VERBOSE === '1') console.log(sum);
});

import type { FopName, Volume } from '../../../src/index.ts';
import type { FaultRule } from '../../../src/testing/index.ts';
import { noticed, upForVolume } from '../replicate-story/both.ts';
import { waitUntil } from '../wait.ts';
import type { Dice } from './dice.ts';
import type { Stage } from './stage.ts';
import type { Moment } from './transaction-watch.ts';
import type { World } from './world.ts';

/** Calls of transactions at which a brick is best taken away. */
const moments: readonly FopName[] = [
  ...(['write', 'write', 'fxattrop', 'xattrop', 'finodelk', 'entrylk', 'fsync', 'inodelk'] as const),
  ...(['create', 'rename', 'unlink', 'mkdir', 'setxattr'] as const),
];
const faulty: readonly FopName[] = [...moments, 'open', 'lookup', 'read', 'readdirp', 'flush'];

/** What may befall a brick, with how often. */
export interface Plan {
  readonly kill: number;
  readonly blink: number;
  readonly stun: number;
  readonly cut: number;
  readonly fault: number;
  readonly full: number;
  readonly dark: number;
}

interface Around {
  readonly world: World;
  readonly stage: Stage;
  readonly dice: Dice;
  readonly clients: readonly Volume[];
  /** Which bricks are up at this moment. */
  readonly up: boolean[];
  /** Whether the other client knows all that the first does, when all is healed. */
  readonly otherHears: boolean;
  readonly tally: { heals: number };
}

type Episode = (around: Around, brick: number) => Promise<void>;

/** Every episode ends with all bricks there again, and perhaps not healed. */
const episodes: Readonly<Record<keyof Plan, Episode>> = {
  /** The brick's process dies, often in the midst of a transaction, and starts again. */
  async kill(around, brick) {
    await takeAway(around, brick);
    await around.stage.more(around.dice.between(4, 16));
    await bringBack(around, brick);
  },

  /** It stops for a while, and everybody waits for it. */
  async blink({ world, stage, dice }, brick) {
    await world.freeze(brick);
    await stage.more(dice.between(4, 40));
    await world.thaw(brick);
  },

  /** It stops for so long that clients give it up. */
  async stun(around, brick) {
    const { world, stage, dice, up, clients } = around;
    stage.weather.harm(brick);
    await world.freeze(brick);
    world.watch.cut(brick);
    up[brick] = false;
    await noticed(up, () => upForVolume(clients[0]!));
    await stage.more(dice.between(3, 10));
    up[brick] = true;
    if (dice.chance(0.5)) {
      await world.kill(brick);
      await world.restart(brick);
    } else await world.thaw(brick);
  },

  /** The network breaks the connections, and they come back at once. */
  async cut({ world, stage, dice }, brick) {
    stage.weather.harm(brick);
    for (let count = dice.between(1, 3); count > 0; count--) {
      world.watch.cut(brick);
      await world.cut(brick);
      await stage.more(dice.between(1, 8));
    }
  },

  /** Single calls go wrong. */
  async fault(around, brick) {
    const { world, stage, dice } = around;
    stage.weather.harm(brick);
    const action = dice.pick(['fail', 'fail', 'fail-after', 'drop', 'truncate', 'hang'] as const);
    const rule: FaultRule = {
      fop: dice.pick(faulty),
      nth: dice.between(1, 4),
      times: dice.between(1, 3),
      action,
      ...(action.startsWith('fail') ? { errno: dice.pick(['EIO', 'ENOSPC', 'EIO', 'ENOTCONN']) } : {}),
    };
    stage.log(`brick ${brick}: ${JSON.stringify(rule)}`);
    await world.faults?.order(brick, rule);
    await stage.more(dice.between(8, 25));
    await world.faults?.mend(brick);
    // A call that hangs ends with its connection only: cut before, one on the next connection would hang for ever.
    if (action === 'hang') await world.cut(brick);
  },

  /** Its disk is full for a while. */
  async full({ world, stage, dice }, brick) {
    stage.weather.harm(brick);
    await world.faults?.full(brick);
    await stage.more(dice.between(4, 16));
    await world.faults?.mend(brick);
  },

  /** Too many are away: nothing may be acknowledged. */
  async dark(around, brick) {
    const { world, stage, dice, clients } = around;
    const second = (brick + dice.between(1, world.size - 1)) % world.size;
    stage.weather.harm(brick);
    stage.weather.harm(second);
    await takeAway(around, brick);
    await takeAway(around, second);
    await noticed(around.up, ...clients.map((client) => () => upForVolume(client)));
    const made = await clients[0]!.writeFile(`${stage.directory}/in-the-dark`, 'x').then(
      () => undefined,
      (error: unknown) => error as { code?: string },
    );
    if (made?.code !== 'ENOTCONN') stage.violate(`a file was made by ${brick} and ${second} away: ${made}`);
    await stage.more(dice.between(2, 8));
    for (const each of dice.chance(0.5) ? [brick, second] : [second, brick]) await bringBack(around, each);
  },
};

async function takeAway({ world, stage, dice, up }: Around, brick: number): Promise<void> {
  stage.weather.harm(brick);
  const strike = async (): Promise<void> => {
    const { locks, changes } = world.watch.cut(brick);
    stage.log(`brick ${brick} is killed, with ${locks} locks and ${changes} changes under way`);
    up[brick] = false;
    await world.kill(brick);
  };
  if (dice.chance(0.75)) {
    const moment: Moment = {
      fop: dice.pick(moments),
      nth: dice.between(1, 3),
      when: dice.pick(['toServer', 'toClient'] as const),
    };
    let struck: Promise<void> | undefined;
    const giveUp = world.watch.arm(brick, moment, () => {
      struck = strike();
      return struck;
    });
    for (let waits = 0; waits < 12 && struck === undefined; waits++)
      if ((await stage.more(3)) === 'stalled') break;
    if (!giveUp()) return struck;
  } else await stage.more(dice.between(1, 12));
  await strike();
}

async function bringBack({ world, dice, clients, up, stage }: Around, brick: number): Promise<void> {
  stage.otherHears = false;
  await world.restart(brick);
  up[brick] = true;
  stage.log(`brick ${brick} is back`);
  if (dice.chance(0.7)) await noticed(up, ...clients.map((client) => () => upForVolume(client)));
}

/** Lets one thing after the other befall the bricks, now and then with a heal in between. */
export async function direct(
  world: World,
  stage: Stage,
  clients: readonly Volume[],
  { plan, stormy }: { readonly plan: Plan; readonly stormy: boolean },
  { count, dice }: { count: number; dice: Dice },
): Promise<{ heals: number }> {
  const tally = { heals: 0 };
  const up = Array.from({ length: world.size }, () => true);
  const { otherHears } = stage;
  const around: Around = { world, stage, dice, clients, up, otherHears, tally };
  for (let turn = 0; turn < count && !stage.stopped; turn++) {
    await stage.more(dice.between(3, 12));
    const kind = dice.weighted(plan);
    const brick = dice.below(world.size);
    stage.log(`--- ${kind} ${brick}`);
    await episodes[kind](around, brick);
    if (turn < count - 1 && (!stormy || dice.chance(0.6))) await healInQuiet(around);
  }
  await stage.more(dice.between(3, 12));
  if (!stage.stopped) await healInQuiet(around);
  return tally;
}

async function healInQuiet({ world, stage, clients, up, otherHears, tally }: Around): Promise<void> {
  await stage.quiet();
  if (stage.stopped) return;
  await noticed(up, ...clients.map((client) => () => upForVolume(client)));
  const healed = await world.heal();
  tally.heals += healed;
  stage.log(`--- healed ${healed}`);
  stage.weather.clear();
  stage.otherHears = otherHears;
  stage.open();
}

/** Clients that know of all bricks that they are up. */
export async function waitAllUp(world: World, clients: readonly Volume[]): Promise<void> {
  await waitUntil(
    () =>
      clients.every(
        (client) => upForVolume(client).length === world.size && upForVolume(client).every(Boolean),
      ),
    { what: 'all bricks to be up for all clients', everyMs: 5 },
  );
}

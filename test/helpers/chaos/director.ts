import type { FopName, Volume } from '../../../src/index.ts';
import type { FaultRule } from '../../../src/testing/index.ts';
import { noticed, upForVolume } from '../replicate-story/both.ts';
import { waitUntil } from '../wait.ts';
import type { Dice } from './dice.ts';
import type { Stage } from './stage.ts';
import type { Moment } from './transaction-watch.ts';
import { tolerated, type World } from './world.ts';

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

type Episode = (around: Around, bricks: readonly number[]) => Promise<void>;

/** Every episode ends with all bricks there again, and perhaps not healed. */
const episodes: Readonly<Record<keyof Plan, Episode>> = {
  /** The brick's process dies, often in the midst of a transaction, and starts again. */
  async kill(around, bricks) {
    await takeAllAway(around, bricks);
    await around.stage.more(around.dice.between(4, 16));
    for (const brick of bricks) await bringBack(around, brick);
  },

  /** It stops for a while, and everybody waits for it. */
  async blink({ world, stage, dice }, bricks) {
    for (const brick of bricks) await world.freeze(brick);
    await stage.more(dice.between(4, 40));
    for (const brick of bricks) await world.thaw(brick);
  },

  /** It stops for so long that clients give it up. */
  async stun(around, bricks) {
    const { world, stage, dice, up, clients } = around;
    for (const brick of bricks) {
      stage.weather.harm(brick);
      await world.freeze(brick);
      world.watch.cut(brick);
      up[brick] = false;
    }
    await noticed(up, () => upForVolume(clients[0]!));
    await stage.more(dice.between(3, 10));
    for (const brick of bricks) {
      up[brick] = true;
      if (dice.chance(0.5)) {
        await world.kill(brick);
        await world.restart(brick);
      } else await world.thaw(brick);
    }
  },

  /** The network breaks the connections, and they come back at once. */
  async cut({ world, stage, dice }, bricks) {
    for (const brick of bricks) stage.weather.harm(brick);
    for (let count = dice.between(1, 3); count > 0; count--) {
      for (const brick of bricks) {
        world.watch.cut(brick);
        await world.cut(brick);
      }
      await stage.more(dice.between(1, 8));
    }
  },

  /** Single calls go wrong. */
  async fault({ world, stage, dice }, bricks) {
    const hanging: number[] = [];
    for (const brick of bricks) {
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
      if (action === 'hang') hanging.push(brick);
    }
    await stage.more(dice.between(8, 25));
    for (const brick of bricks) await world.faults?.mend(brick);
    // A call that hangs ends with its connection only: cut before, one on the next connection would hang for ever.
    for (const brick of hanging) await world.cut(brick);
  },

  /** Its disk is full for a while. */
  async full({ world, stage, dice }, bricks) {
    for (const brick of bricks) {
      stage.weather.harm(brick);
      await world.faults?.full(brick);
    }
    await stage.more(dice.between(4, 16));
    for (const brick of bricks) await world.faults?.mend(brick);
  },

  /** Too many are away: nothing may be acknowledged. */
  async dark(around, bricks) {
    const { world, stage, dice, clients } = around;
    const brick = bricks[0]!;
    const second = (brick + dice.between(1, world.size - 1)) % world.size;
    if (world.data !== undefined) return dim(around, bricks);
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

/**
 * Too few fragments are left: nothing may be acknowledged, and nothing be harmed. The last one is taken in quiet, for what is
 * under way on fewer fragments than a file needs, old and new, can't be put together by anybody.
 */
async function dim(around: Around, victims: readonly number[]): Promise<void> {
  const { world, stage, dice, clients, up } = around;
  const bricks = [...victims];
  while (bricks.length < tolerated(world)) bricks.push(other(around, bricks));
  await takeAllAway(around, bricks);
  await stage.quiet();
  if (stage.stopped) return;
  await waitUntil(async () => (await world.locks(stage.directory, bricks)).length === 0, {
    what: 'clients to give their locks back',
  });
  const last = other(around, bricks);
  stage.weather.harm(last);
  up[last] = false;
  await world.kill(last);
  stage.log(`brick ${last} is taken away, too`);
  await noticed(up, ...clients.map((client) => () => upForVolume(client)));
  stage.open();
  const made = await clients[0]!.writeFile(`${stage.directory}/in-the-dark`, 'x').then(
    () => undefined,
    (error: unknown) => error as { code?: string },
  );
  if (made?.code !== 'ENOTCONN') stage.violate(`a file was made without ${bricks} and ${last}: ${made}`);
  await stage.more(dice.between(2, 8));
  for (const each of dice.chance(0.5) ? [last, ...bricks] : [...bricks, last]) await bringBack(around, each);
}

/** A brick that is none of these. */
function other({ world, dice }: Around, bricks: readonly number[]): number {
  return dice.pick(
    Array.from({ length: world.size }, (_, index) => index).filter((index) => !bricks.includes(index)),
  );
}

/** One after the other, or all at one moment. */
async function takeAllAway(around: Around, bricks: readonly number[]): Promise<void> {
  if (bricks.length > 1 && around.dice.chance(0.4)) return takeAway(around, bricks[0]!, bricks.slice(1));
  for (const brick of bricks) await takeAway(around, brick);
}

async function takeAway(
  { world, stage, dice, up }: Around,
  brick: number,
  along: readonly number[] = [],
): Promise<void> {
  for (const each of [brick, ...along]) stage.weather.harm(each);
  const strike = async (): Promise<void> => {
    for (const each of [brick, ...along]) {
      const { locks, changes } = world.watch.cut(each);
      stage.log(`brick ${each} is killed, with ${locks} locks and ${changes} changes under way`);
      up[each] = false;
    }
    await Promise.all([brick, ...along].map((each) => world.kill(each)));
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
  if (world.data === undefined) stage.otherHears = false;
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
  let victims: readonly number[] | undefined;
  for (let turn = 0; turn < count && !stage.stopped; turn++) {
    await stage.more(dice.between(3, 12));
    const kind = dice.weighted(plan);
    const bricks = choose(around, victims);
    stage.log(`--- ${kind} ${bricks}`);
    await episodes[kind](around, bricks);
    if (turn < count - 1 && (!stormy || dice.chance(0.6))) {
      await healInQuiet(around);
      victims = undefined;
    } else victims ??= bricks;
  }
  await stage.more(dice.between(3, 12));
  if (!stage.stopped) await healInQuiet(around);
  return tally;
}

/** One copy; of fragments as many as a set can do without, until all is healed the same ones. */
function choose({ world, dice }: Around, victims: readonly number[] | undefined): readonly number[] {
  if (world.data === undefined) return [dice.below(world.size)];
  if (victims !== undefined) return dice.chance(0.5) ? victims : [dice.pick(victims)];
  const all = Array.from({ length: world.size }, (_, index) => index);
  const count = dice.between(1, tolerated(world));
  return Array.from({ length: count }, () => all.splice(dice.below(all.length), 1)[0]!);
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

import { blockSize } from '../blocks.ts';
import { waitUntil } from '../wait.ts';
import { Dice } from './dice.ts';
import { direct, type Plan, waitAllUp } from './director.ts';
import { gfidsBelow } from './disk.ts';
import { needHealing } from './healer.ts';
import { mover } from './mover.ts';
import { reader } from './reader.ts';
import { Stage, withEnd } from './stage.ts';
import { Tree } from './tree.ts';
import { judge } from './verdict.ts';
import { Weather } from './weather.ts';
import { tolerated, type World } from './world.ts';
import { BlockFile, writer } from './writer.ts';

/** How a round is played. */
export interface Flavour {
  readonly name: string;
  readonly plan: Plan;
  /** Episodes of a round. */
  readonly episodes: readonly [least: number, most: number];
  readonly pingTimeout: number;
  /** Whether so many bricks may miss something at once that no copy is known to be good. */
  readonly stormy: boolean;
  /** Whether the second client, too, hears at once of all that befalls bricks. Where a single client's call fails it doesn't. */
  readonly otherHears: boolean;
}

export interface RoundResult {
  readonly operations: number;
  readonly refused: number;
  readonly heals: number;
  readonly done: ReadonlyMap<string, number>;
}

const WRITERS = 2;
const BLOCKS = 12;
/** Blocks of one file on fragments begin with stripes, those of the other anywhere. */
const SHIFT = 700;

/** Longer than all that a round waits for within: what it waits for without an end is told with the story, too. */
const PATIENCE = 150_000;

/** Plays one round in a directory of its own. @throws Error that tells seed and story, where a promise was broken */
export async function playRound(world: World, flavour: Flavour, seed: number): Promise<RoundResult> {
  const dice = new Dice(seed);
  const directory = `/round-${seed}`;
  const volume = await world.connect(flavour.pingTimeout);
  const other = await world.connect(flavour.pingTimeout);
  // Readers of fragments lock, and ask what is good: they need not have heard of it.
  const otherHears = flavour.otherHears || world.data !== undefined;
  const stage = new Stage(volume, other, directory, new Weather(tolerated(world)), otherHears);
  const failures: Error[] = [];
  const result = await withEnd(play(world, flavour, stage, dice), 'the round', PATIENCE).catch(
    (error: Error) => void failures.push(error),
  );
  await withEnd(Promise.all([volume.close(), other.close()]), 'closing the clients').catch(
    (error: Error) => void failures.push(error),
  );
  if (result !== undefined && failures.length === 0) return result;
  const messages = failures.map(({ message }) => message).join('\n');
  throw new Error(`${messages}\nseed ${seed}, ${flavour.name}, ${world.name}:\n${stage.story()}`, {
    cause: failures[0],
  });
}

async function play(world: World, flavour: Flavour, stage: Stage, dice: Dice): Promise<RoundResult> {
  const { volume, other, directory } = stage;
  await waitAllUp(world, [volume, other]);
  await volume.mkdir(directory);
  const files = Array.from(
    { length: WRITERS },
    (_, index) =>
      new BlockFile(`${directory}/blocks-${index}`, index + 1, BLOCKS, world.data && SHIFT * index),
  );
  for (const { path, shift } of files) await volume.writeFile(path, Buffer.alloc(shift + blockSize));
  const tree = new Tree(directory);
  const actors = [
    ...files.map((file) => writer(file, dice.fork())),
    mover(tree, dice.fork(), flavour.stormy && world.data === undefined),
    reader(files, dice.fork(), 'volume'),
    reader(files, dice.fork(), 'other'),
  ];
  let heals = 0;
  await stage.run(actors, async () => {
    const count = dice.between(...flavour.episodes);
    ({ heals } = await direct(world, stage, [volume, other], flavour, { count, dice: dice.fork() }));
  });
  throwIfWrong(stage);
  stage.log('--- the end');
  // Files are closed: what clients keep for a while has been given back, and the last marks with it.
  await waitUntil(async () => (await world.locks(directory)).length === 0, {
    what: 'no locks on bricks',
  }).catch(async () => stage.violate(`locks are left: ${(await world.locks(directory)).join(', ')}`));
  heals += await world.heal();
  // Where one brick after the other misses something, there is always a copy that is known to be good.
  const none: ReadonlySet<string> = new Set();
  // What an earlier round has left may be healed in this one.
  const own = new Set(world.directories.flatMap((brick) => [...gfidsBelow(brick, directory).values()]));
  const fresh = [...(world.merged() ?? none)].filter((gfid) => own.has(gfid));
  if (!flavour.stormy && fresh.length > 0) stage.violate(`names of all copies were kept in ${fresh}`);
  const merged = flavour.stormy ? (world.merged() ?? 'any') : none;
  for (const line of await judge(world, tree, files, merged)) stage.violate(line);
  for (const gfid of needHealing(world.directories)) stage.violate(`the index still names ${gfid}`);
  throwIfWrong(stage);
  return {
    operations: stage.operations,
    refused: [...stage.refused.values()].reduce((sum, count) => sum + count, 0),
    heals,
    done: stage.done,
  };
}

function throwIfWrong({ violations }: Stage): void {
  if (violations.length > 0) throw new Error(violations.slice(0, 20).join('\n'));
}

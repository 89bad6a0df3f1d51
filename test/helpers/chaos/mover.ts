import { isGlfsError } from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import type { Stage } from './stage.ts';
import { contentOf, IDENTITY, isContentOf, type Moved, type Place, type Tree } from './tree.ts';

const DIRECTORIES = 4;
const FILES = 10;

/**
 * Makes, renames (also onto others), and removes files and directories, and keeps book of where each may be. `plainly`: only
 * what a heal that keeps all names of all copies can put together again: no file over another, no directory to another name.
 */
export function mover(tree: Tree, dice: Dice, plainly: boolean): (stage: Stage) => Promise<void> {
  const weights = { move: 50, over: plainly ? 0 : 12, make: 20, directory: 8, remove: 10 };
  return async (stage) => {
    while (await stage.pass()) {
      const uncertain = tree.things.filter((thing) => thing.places.length > 1);
      if (uncertain.length > 0 && dice.chance(0.5)) await findOut(stage, tree, dice.pick(uncertain));
      else await acts[dice.weighted(weights)](stage, tree, dice, plainly);
      if (dice.chance(0.25)) await lookAt(stage, tree, dice);
    }
  };
}

type Act = (stage: Stage, tree: Tree, dice: Dice, plainly: boolean) => Promise<void>;

const acts: Readonly<Record<'move' | 'over' | 'make' | 'directory' | 'remove', Act>> = {
  async move(stage, tree, dice, plainly) {
    const movable = tree.certain(plainly ? 'file' : undefined);
    if (movable.length === 0) return acts.make(stage, tree, dice, plainly);
    const thing = dice.pick(movable);
    const to = newPlace(tree, dice, thing);
    await relocate(stage, tree, thing, to, undefined);
  },

  async over(stage, tree, dice, plainly) {
    const files = tree.certain('file');
    if (files.length < 2) return acts.make(stage, tree, dice, plainly);
    const thing = dice.pick(files);
    const victim = dice.pick(files.filter((other) => other !== thing));
    await relocate(stage, tree, thing, victim.places[0]!, victim);
  },

  async make(stage, tree, dice, plainly) {
    if (tree.things.filter(({ kind }) => kind === 'file').length >= FILES)
      return acts.move(stage, tree, dice, plainly);
    const thing = tree.next('file');
    const place = newPlace(tree, dice, thing);
    const path = tree.pathOf(place)!;
    const made = await stage.attempt(`make ${path}`, () => stage.volume.writeFile(path, contentOf(thing)));
    if (made === undefined) tree.litter.push(place);
    else tree.things.push({ ...thing, places: [place] });
  },

  async directory(stage, tree, dice, plainly) {
    if (tree.things.filter(({ kind }) => kind === 'directory').length >= DIRECTORIES)
      return acts.move(stage, tree, dice, plainly);
    const thing = tree.next('directory');
    const place = { parent: undefined, name: tree.name(thing) };
    const path = tree.pathOf(place)!;
    const made = await stage.attempt(`mkdir ${path}`, async () => {
      await stage.volume.mkdir(path);
      await stage.volume.writeFile(`${path}/${IDENTITY}`, contentOf(thing));
    });
    if (made === undefined) tree.litter.push(place);
    else tree.things.push({ ...thing, places: [place] });
  },

  async remove(stage, tree, dice, plainly) {
    const files = tree.certain('file');
    if (files.length === 0) return acts.make(stage, tree, dice, plainly);
    const thing = dice.pick(files);
    const [place] = thing.places;
    const path = tree.path(thing)!;
    thing.places = [place, undefined];
    thing.former.push(place!);
    const done = await stage.attempt(`unlink ${path}`, () => stage.volume.unlink(path));
    if (done === undefined) return;
    thing.places = [undefined];
    tree.remove(thing);
  },
};

/** Directories stay at the top: so a path is uncertain for two reasons at most. */
function newPlace(tree: Tree, dice: Dice, thing: Moved): Place {
  const parents = thing.kind === 'file' ? tree.certain('directory') : [];
  const parent = parents.length > 0 && dice.chance(0.6) ? dice.pick(parents) : undefined;
  return { parent, name: tree.name(thing) };
}

async function relocate(
  stage: Stage,
  tree: Tree,
  thing: Moved,
  to: Place | undefined,
  victim: Moved | undefined,
): Promise<void> {
  const from = thing.places[0];
  const [source, target] = [tree.path(thing)!, tree.pathOf(to!)!];
  thing.places = [from, to];
  thing.former.push(from!);
  if (victim !== undefined) {
    victim.places = [to, undefined];
    victim.former.push(to!);
  }
  const done = await stage.attempt(`rename ${source} to ${target}`, () =>
    stage.volume.rename(source, target),
  );
  if (done === undefined) return;
  thing.places = [to];
  if (victim !== undefined) tree.remove(victim);
}

/** Whether a file or directory is at a path: `undefined` where nobody can say. */
async function isAt(stage: Stage, thing: Moved, path: string): Promise<boolean | undefined> {
  const read = await stage.attempt(`find ${path}`, async () => {
    try {
      const file = thing.kind === 'file' ? path : `${path}/${IDENTITY}`;
      return isContentOf(await stage.volume.readFile(file), thing);
    } catch (error) {
      if (isGlfsError(error, 'ENOENT')) return false;
      throw error;
    }
  });
  return read?.value;
}

async function findOut(stage: Stage, tree: Tree, thing: Moved): Promise<void> {
  const seen: Place[] = [];
  for (const place of thing.places) {
    if (place === undefined) continue;
    const path = tree.pathOf(place);
    const found = path === undefined ? undefined : await isAt(stage, thing, path);
    if (found === undefined) return;
    if (found) seen.push(place);
  }
  // Where it is in both places, or nowhere, the names have yet to be healed: the end of the round will tell.
  if (seen.length === 1) thing.places = seen;
  else stage.log(`${thing.kind} ${thing.id} is at ${seen.length} places`);
}

/** What is where it must be is found there, by either client. */
async function lookAt(stage: Stage, tree: Tree, dice: Dice): Promise<void> {
  const known = tree.certain();
  if (known.length === 0) return;
  const thing = dice.pick(known);
  const path = tree.path(thing)!;
  const by = stage.otherHears && dice.chance(0.5) ? 'other' : 'volume';
  if (dice.chance(0.3)) {
    const parent = path.slice(0, path.lastIndexOf('/'));
    const listed = await stage.attempt(`list-${by} ${parent}`, () => stage[by].readdir(parent));
    if (by === 'other' && !stage.otherHears) return;
    if (listed !== undefined && !listed.value.includes(path.slice(parent.length + 1)))
      stage.violate(`list-${by} ${parent}: ${path} is missing`);
    return;
  }
  const file = thing.kind === 'file' ? path : `${path}/${IDENTITY}`;
  const read = await stage.attempt(`get-${by} ${file}`, () => stage[by].readFile(file));
  if (read !== undefined && !isContentOf(read.value, thing))
    stage.violate(`get-${by} ${file}: not what was put there`);
}

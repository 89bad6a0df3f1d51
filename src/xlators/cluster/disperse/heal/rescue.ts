import { isGlfsError } from '../../../../errors.ts';
import { Inode, type Subvolume } from '../../../../graph/index.ts';
import { type Gfid, gfidEquals, ROOT_GFID } from '../../../../protocol/gfid.ts';
import { isDirectory, typeOfMode } from '../../../../protocol/iatt.ts';
import { keyKinds } from '../../../../protocol/keys.ts';
import { type ChildSet, NO_CHILDREN } from '../../children.ts';
import { fileOnMember } from '../../file-on-member.ts';
import { windAll } from '../../wind.ts';
import { locked } from './locks.ts';
import { inodeOf, type Meaning, type Place } from './name-view.ts';
import type { HealSession } from './session.ts';

/*
 * What was renamed while a subvolume was away has its old name there. GlusterFS's healers remove that with all that is below,
 * and make the new name empty: until its bytes are rebuilt they are short of a fragment. Here it is moved.
 */

const ancestry = keyKinds.text('glusterfs.ancestry.path');

/**
 * Moves what some have by a name that is to go to the name that another subvolume has it by. Answers with those that it was moved
 * on. What can't be moved is none of anybody's trouble: it is made anew.
 * @throws GlfsError EAGAIN where the other directory is locked by others: it may be moved later
 */
export async function rescue(session: HealSession, old: Place, meaning: Meaning): Promise<ChildSet> {
  const { state } = session;
  try {
    const place = await placeElsewhere(session, meaning);
    if (place === undefined) return NO_CHILDREN;
    return await withParent(session, old, place.parent, async () => {
      const children = state.childrenOf(meaning.on);
      const answers = await windAll(children, (child) => move(session, child, meaning, old, place));
      return state.setOf(answers.filter(({ reply }) => reply === true).map(({ child }) => child));
    });
  } catch (error) {
    if (isGlfsError(error, 'EAGAIN')) throw error;
    state.log.debug(
      { translator: state.name, name: old.name, error },
      'a file that was renamed is made anew',
    );
    return NO_CHILDREN;
  }
}

/**
 * Gives a directory the name that it should have where the subvolume has it by another one. Answers whether it has it at all.
 * @throws GlfsError EAGAIN where its old parent is locked by others
 */
export async function moveHere(
  session: HealSession,
  child: Subvolume,
  place: Place,
  meaning: Meaning,
): Promise<boolean> {
  const old = await placeOn(session, child, meaning);
  if (old === undefined) return false;
  return withParent(session, place, old.parent, () => move(session, child, meaning, old, place));
}

/** The lock of `held.parent` is there; what waits for a second one while it has the first can wait for ever. */
function withParent<T>(session: HealSession, held: Place, parent: Inode, work: () => Promise<T>): Promise<T> {
  if (gfidEquals(held.parent.gfid, parent.gfid)) return work();
  return locked(session, parent, work, 'try');
}

/** False where it can't be done without harm. */
async function move(
  { context }: HealSession,
  child: Subvolume,
  meaning: Meaning,
  from: Place,
  to: Place,
): Promise<boolean> {
  try {
    await child.lookup({ loc: { inode: new Inode(), ...to }, flags: 0 }, context);
    return false;
  } catch (error) {
    if (!isGlfsError(error, 'ENOENT')) throw error;
  }
  const loc = { inode: inodeOf(meaning), ...from };
  await child.rename({ loc, newLoc: { inode: new Inode(), ...to } }, context);
  return true;
}

/** Where one of the others has it. */
async function placeElsewhere(session: HealSession, meaning: Meaning): Promise<Place | undefined> {
  const { state } = session;
  for (const child of state.childrenOf(state.up & ~meaning.on)) {
    const place = await placeOn(session, child, meaning);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** A name of the file on one subvolume. Undefined where that has none, or can't tell. */
async function placeOn(session: HealSession, child: Subvolume, meaning: Meaning): Promise<Place | undefined> {
  const { gfid } = meaning.stat;
  const path = isDirectory(meaning.stat)
    ? await pathOfDirectory(session, child, inodeOf(meaning))
    : (await fileOnMember(child, gfid, session.context))?.path;
  return path === undefined ? undefined : placeAt(session, child, path, gfid);
}

async function pathOfDirectory(
  { context }: HealSession,
  child: Subvolume,
  inode: Inode,
): Promise<string | undefined> {
  try {
    const { dict } = await child.getxattr({ loc: { inode }, name: ancestry.name }, context);
    return dict?.get(ancestry);
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE', 'ENODATA', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}

/** Walks down: a path is told from what was known once. */
async function placeAt(
  { context }: HealSession,
  child: Subvolume,
  path: string,
  gfid: Gfid,
): Promise<Place | undefined> {
  const names = path.split('/').filter((name) => name !== '');
  let parent = new Inode(ROOT_GFID, 'directory');
  try {
    for (const [at, name] of names.entries()) {
      const { stat } = await child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, context);
      if (at === names.length - 1) return gfidEquals(stat.gfid, gfid) ? { parent, name } : undefined;
      parent = new Inode(stat.gfid, typeOfMode(stat.mode));
    }
    return undefined;
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE')) return undefined;
    throw error;
  }
}

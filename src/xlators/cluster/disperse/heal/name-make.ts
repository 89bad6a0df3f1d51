import { type GlfsError, isGlfsError, toGlfsError } from '../../../../errors.ts';
import { Inode, type Subvolume } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { isDirectory, isRegular, typeOfMode } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../../children.ts';
import { wind } from '../../wind.ts';
import { encodeNumbers, initialCounters, VERSION, ZEROS } from '../lock/counters.ts';
import { addCounters } from './counters.ts';
import { inodeOf, type Meaning, type Place } from './name-view.ts';
import { moveHere } from './rescue.ts';
import type { HealSession } from './session.ts';

/** PATH_MAX, with its zero. */
const TARGET_BYTES = 4096;

interface Making {
  readonly place: Place;
  /** What the others mean by the name. */
  readonly meaning: Meaning;
  /** Those that are to get it. */
  readonly missing: ChildSet;
}

/** Gives a name to those that lack it. Answers with those that lack it still. */
export async function makeName(
  session: HealSession,
  { place, meaning, missing }: Making,
): Promise<{ readonly lacking: ChildSet; readonly error?: GlfsError }> {
  const { state } = session;
  try {
    await markIncomplete(session, meaning);
  } catch (error) {
    return { lacking: missing, error: toGlfsError(error) };
  }
  let lacking = missing;
  let failed: GlfsError | undefined;
  for (const index of indicesOf(missing)) {
    const { error } = await wind(state.children[index]!, (child) => give(session, child, place, meaning));
    if (error === undefined) lacking &= ~(1 << index);
    else {
      failed = error;
      const details = { translator: state.name, subvolume: error.translator, name: place.name, error };
      state.log.warn(details, 'a name that is missing could not be made');
    }
  }
  return { lacking, error: failed };
}

/**
 * Those that have the file become dirty before others get it empty: thereby it stands in the index until its bytes, attributes
 * and names are there, too.
 */
async function markIncomplete(session: HealSession, meaning: Meaning): Promise<void> {
  const { state, context } = session;
  const data = isRegular(meaning.stat) || isDirectory(meaning.stat) ? 1n : 0n;
  const changes = new Map(indicesOf(meaning.on).map((index) => [index, { dirty: [data, 1n] as const }]));
  const { done, error } = await addCounters({ state, context, inode: inodeOf(meaning) }, changes);
  if (done === NO_CHILDREN && error !== undefined) throw error;
}

async function give(session: HealSession, child: Subvolume, place: Place, meaning: Meaning): Promise<void> {
  const { state, context } = session;
  const { mode, rdev, gfid } = meaning.stat;
  const loc = { inode: new Inode(), ...place };
  const xdata = new Dict().set(keys.gfidRequest, gfid);
  switch (typeOfMode(mode)) {
    case 'directory':
      // It has one name only: where it has another one, that was not its last.
      if (await moveHere(session, child, place, meaning)) return;
      xdata.setBytes(VERSION, encodeNumbers(...ZEROS));
      await child.mkdir({ loc, mode, umask: 0, xdata }, context);
      return;
    case 'symlink':
      if (await linked(session, child, place, meaning)) return;
      await child.symlink({ loc, umask: 0, target: await targetOf(session, meaning), xdata }, context);
      return;
    default: {
      const known = await linked(session, child, place, meaning);
      if (known === true) return;
      // A file that is there already keeps its counters.
      if (isRegular(meaning.stat) && known === false) xdata.merge(initialCounters(state));
      // Where the subvolume has the file under another name after all, it adds this one.
      xdata.set(keys.internalFop, 1);
      await child.mknod({ loc, dev: rdev, mode, umask: 0, xdata }, context);
    }
  }
}

/**
 * Gives the name to the file that the subvolume has under another one. False where it has none. Undefined where it refuses a
 * further name, because the file bears the note of this very name already: it was removed with its directory, and the brick has not
 * swept that up yet. MKNOD, which takes no notes of a file that is there, still adds the name.
 */
async function linked(
  { context }: HealSession,
  child: Subvolume,
  place: Place,
  meaning: Meaning,
): Promise<boolean | undefined> {
  const inode = inodeOf(meaning);
  try {
    await child.lookup({ loc: { inode }, flags: 0 }, context);
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE')) return false;
    throw error;
  }
  try {
    await child.link({ loc: { inode }, newLoc: { inode: new Inode(), ...place } }, context);
    return true;
  } catch (error) {
    if (inode.type !== 'symlink' && isGlfsError(error, 'EEXIST')) return undefined;
    throw error;
  }
}

/** Any one that has it will do. @throws GlfsError what the last one says where none tells */
async function targetOf({ state, context }: HealSession, meaning: Meaning): Promise<string> {
  let failed: GlfsError | undefined;
  for (const child of state.childrenOf(meaning.on)) {
    const { reply, error } = await wind(child, (each) =>
      each.readlink({ loc: { inode: inodeOf(meaning) }, size: TARGET_BYTES }, context),
    );
    if (reply !== undefined) return reply.target;
    failed = error;
  }
  throw failed ?? state.tooFew(NO_CHILDREN);
}

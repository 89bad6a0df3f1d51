import { GlfsError, isGlfsError, toGlfsError } from '../../../../errors.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { isDirectory } from '../../../../protocol/iatt.ts';
import { type ChildSet, countOf, NO_CHILDREN } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { type Hold, locked } from './locks.ts';
import { makeName } from './name-make.ts';
import { inodeOf, type Meaning, type NameView, type Place, viewName } from './name-view.ts';
import { rescue } from './rescue.ts';
import type { HealSession } from './session.ts';

/** RMDIR: with all that is below. */
const WITH_CONTENTS = 1;

/** What became of a name. */
export interface NameOutcome {
  /** Subvolumes on which it is not as it should be, or may not be. */
  readonly failed: ChildSet;
  /** The file that some had not, and have now: without bytes, attributes and names of its own. */
  readonly made?: Gfid;
  readonly error?: GlfsError;
}

/**
 * Makes a name the same on all subvolumes, with its directory locked. What as many have as it takes to read is right; what can't
 * be had by so many any more, whoever is away, was removed, or never made. In between the name is given to those that lack it:
 * the ones that are away may have it, too.
 * @throws GlfsError ENOTCONN where too few can be locked
 */
export function healName(session: HealSession, place: Place): Promise<NameOutcome> {
  return locked(session, place.parent, (hold) => healLocked(session, place, hold));
}

async function healLocked(session: HealSession, place: Place, { on }: Hold): Promise<NameOutcome> {
  const { state } = session;
  const seen = await viewName(session, place, on);
  let { missing } = seen;
  let failed = (state.up & ~on) | seen.unsure;
  let failure: GlfsError | undefined;
  const staying: Meaning[] = [];
  for (const meaning of seen.meanings) {
    if (!isGone(session, seen, meaning)) {
      staying.push(meaning);
      continue;
    }
    const { removed, error } = await removeName(session, place, meaning);
    missing |= removed;
    failed |= meaning.on & ~removed;
    failure ??= error;
  }
  const [meaning, ...others] = staying;
  if (meaning === undefined) return { failed, error: failure };
  if (others.length > 0) {
    const error = new GlfsError('EIO', `'${place.name}' is several files, and none is known to be right`, {
      translator: state.name,
    });
    return { failed: state.all, error };
  }
  if (missing === NO_CHILDREN) return { failed, error: failure };
  const { lacking, error } = await makeName(session, { place, meaning, missing });
  const made = lacking === missing ? undefined : meaning.stat.gfid;
  return { failed: failed | lacking, made, error: failure ?? error };
}

/** So many say that they have nothing, or something else, that too few can have it. */
function isGone({ state }: HealSession, { meanings, missing }: NameView, meaning: Meaning): boolean {
  const against = meanings.reduce((set, other) => (other === meaning ? set : set | other.on), missing);
  return countOf(against) > state.redundancy;
}

/** Answers with those that don't have it any more. */
async function removeName(
  session: HealSession,
  place: Place,
  meaning: Meaning,
): Promise<{ readonly removed: ChildSet; readonly error?: GlfsError }> {
  const { state, context } = session;
  // Its bytes are good under its new name, if it has one: nothing would have to be rebuilt.
  let removed: ChildSet;
  try {
    removed = await rescue(session, place, meaning);
  } catch (error) {
    return { removed: NO_CHILDREN, error: toGlfsError(error) };
  }
  const loc = { inode: inodeOf(meaning), ...place };
  const answers = await windAll(state.childrenOf(meaning.on & ~removed), async (child) => {
    try {
      if (isDirectory(meaning.stat)) await child.rmdir({ loc, xflags: WITH_CONTENTS }, context);
      else await child.unlink({ loc, xflags: 0 }, context);
    } catch (error) {
      if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
    }
  });
  for (const { child, error } of answers) {
    if (error === undefined) removed |= 1 << state.indexOf(child);
    const details = { translator: state.name, subvolume: child.name, name: place.name, error };
    state.log.info(details, 'a name that too few have is removed');
  }
  return { removed, error: answers.find(({ error }) => error !== undefined)?.error };
}

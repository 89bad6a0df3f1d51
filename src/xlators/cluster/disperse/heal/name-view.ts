import { Inode } from '../../../../graph/index.ts';
import { gfidKey } from '../../../../protocol/gfid.ts';
import { type Iatt, typeOfMode } from '../../../../protocol/iatt.ts';
import { type ChildSet, countOf, NO_CHILDREN } from '../../children.ts';
import { windAll } from '../../wind.ts';
import type { HealSession } from './session.ts';

/** Where a name stands. */
export interface Place {
  readonly parent: Inode;
  readonly name: string;
}

/** Subvolumes that mean the same file by a name. */
export interface Meaning {
  readonly on: ChildSet;
  /** As one of them has it. */
  readonly stat: Iatt;
}

/** A name as the subvolumes have it, asked under the lock of its directory. */
export interface NameView {
  /** By what most have first. */
  readonly meanings: readonly Meaning[];
  /** Those that have the directory, and not the name. */
  readonly missing: ChildSet;
  /** Those that could not tell, or don't have the directory. */
  readonly unsure: ChildSet;
}

/** Asks for a name. Never rejects for what one subvolume says. */
export async function viewName(
  { state, context }: HealSession,
  { parent, name }: Place,
  on: ChildSet,
): Promise<NameView> {
  const answers = await windAll(state.childrenOf(on), (child) =>
    child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, context),
  );
  const meanings = new Map<string, Meaning>();
  let missing = NO_CHILDREN;
  let unsure = NO_CHILDREN;
  for (const { child, reply, error } of answers) {
    const bit = 1 << state.indexOf(child);
    if (reply !== undefined) {
      const key = `${gfidKey(reply.stat.gfid)} ${typeOfMode(reply.stat.mode)}`;
      const known = meanings.get(key);
      meanings.set(key, { on: (known?.on ?? NO_CHILDREN) | bit, stat: known?.stat ?? reply.stat });
    } else if (error.code === 'ENOENT') missing |= bit;
    else unsure |= bit;
  }
  const sorted = [...meanings.values()].sort((one, other) => countOf(other.on) - countOf(one.on));
  return { meanings: sorted, missing, unsure };
}

/** The file, as calls take it. */
export function inodeOf({ stat }: Meaning): Inode {
  return new Inode(stat.gfid, typeOfMode(stat.mode));
}

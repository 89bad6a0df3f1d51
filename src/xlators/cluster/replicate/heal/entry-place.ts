import { isGlfsError } from '../../../../errors.ts';
import { Inode } from '../../../../graph/index.ts';
import { gfidEquals, ROOT_GFID } from '../../../../protocol/gfid.ts';
import { typeOfMode } from '../../../../protocol/iatt.ts';
import { keyKinds } from '../../../../protocol/keys.ts';
import { anonymousDirectory } from '../private-names.ts';
import type { EntryHeal } from './entry-view.ts';

/** Where a copy has a directory: it has one name only. */
export interface Place {
  readonly parent: Inode;
  readonly name: string;
}

const ancestry = keyKinds.text('glusterfs.ancestry.path');

/** Undefined where the copy has no such directory, or has put it aside. @throws GlfsError where it can't tell */
export async function placeOf(
  { state, context }: EntryHeal,
  directory: Inode,
  index: number,
): Promise<Place | undefined> {
  const child = state.children[index]!;
  try {
    const { dict } = await child.getxattr({ loc: { inode: directory }, name: ancestry.name }, context);
    const names = (dict?.get(ancestry) ?? '').split('/').filter((name) => name !== '');
    if (names.length === 0 || names[0] === anonymousDirectory(state)) return undefined;
    let parent = new Inode(ROOT_GFID, 'directory');
    for (const [at, name] of names.entries()) {
      const { stat } = await child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, context);
      if (at === names.length - 1)
        return gfidEquals(stat.gfid, directory.gfid) ? { parent, name } : undefined;
      parent = new Inode(stat.gfid, typeOfMode(stat.mode));
    }
    return undefined;
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE', 'ENODATA', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}

export function samePlace(one: Place, other: Place): boolean {
  return one.name === other.name && gfidEquals(one.parent.gfid, other.parent.gfid);
}

import { isGlfsError } from '../../../../errors.ts';
import { type CallContext, Inode, type Subvolume } from '../../../../graph/index.ts';
import { gfidToString, ROOT_GFID } from '../../../../protocol/gfid.ts';

const CHANGES = 'glusterfs.xattrop_entry_changes_gfid';

/**
 * The part of a brick's index that holds the names which differ in a directory; undefined where it has none. The brick shows it
 * as a directory.
 */
export async function changedNames(
  child: Subvolume,
  directory: Inode,
  context: CallContext,
): Promise<Inode | undefined> {
  try {
    const root = new Inode(ROOT_GFID, 'directory');
    const { dict } = await child.getxattr({ loc: { inode: root }, name: CHANGES }, context);
    const gfid = dict?.bytes(CHANGES);
    if (gfid?.length !== 16) return undefined;
    const parent = new Inode(Uint8Array.from(gfid), 'directory');
    const loc = { inode: new Inode(), parent, name: gfidToString(directory.gfid) };
    const { stat } = await child.lookup({ loc, flags: 0 }, context);
    return new Inode(stat.gfid, 'directory');
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE', 'ENODATA', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}

/** The name no longer differs. One that stays in the index is looked at once more, no harm is done. */
export async function forgetName(
  child: Subvolume,
  index: Inode,
  name: string,
  context: CallContext,
): Promise<void> {
  const loc = { inode: new Inode(), parent: index, name };
  await child.unlink({ loc, xflags: 0 }, context).catch(() => undefined);
}

import { type ErrnoCode, GlfsError, isGlfsError } from '../../errors.ts';
import { type CallContext, Fd, Inode, type Subvolume } from '../../graph/index.ts';
import { entryBytes } from '../../protocol/dict.ts';
import { type Gfid, gfidFromString, gfidToString, ROOT_GFID } from '../../protocol/gfid.ts';
import { OpenFlag } from '../../protocol/messages.ts';
import { copyBytes } from '../../xdr/index.ts';

/**
 * A part of a brick's index: `xattrop` holds files whose changelog accuses some copy, `dirty` those that are being changed or
 * were when something broke, `entry-changes` directories of which the names that differ are noted.
 */
export type IndexKind = 'xattrop' | 'dirty' | 'entry-changes';

/** GETXATTR of the root answers with the gfid by which the part can be listed; it is another one after each start. */
const gfidAttributes: Readonly<Record<IndexKind, string>> = {
  xattrop: 'glusterfs.xattrop_index_gfid',
  dirty: 'glusterfs.xattrop_dirty_gfid',
  'entry-changes': 'glusterfs.xattrop_entry_changes_gfid',
};

/** The brick keeps no such index, or has none yet. */
const absences: readonly ErrnoCode[] = ['ENOENT', 'ESTALE', 'ENODATA', 'EOPNOTSUPP'];

const LISTING_BYTES = 131_072;
/** rmdir takes the directory with the names in it. */
const WITH_CONTENTS = 1;

/** One part of one brick's index. */
export class IndexDirectory {
  private constructor(
    readonly child: Subvolume,
    readonly kind: IndexKind,
    private readonly inode: Inode,
  ) {}

  /** Undefined where the brick has none. @throws GlfsError ENOTCONN */
  static async open(
    child: Subvolume,
    kind: IndexKind,
    context: CallContext,
  ): Promise<IndexDirectory | undefined> {
    const name = gfidAttributes[kind];
    try {
      const root = new Inode(ROOT_GFID, 'directory');
      const { dict } = await child.getxattr({ loc: { inode: root }, name }, context);
      const entry = dict?.entry(name);
      if (entry === undefined) return undefined;
      const inode = new Inode(copyBytes(entryBytes(entry)), 'directory');
      await child.lookup({ loc: { inode }, flags: 0 }, context);
      return new IndexDirectory(child, kind, inode);
    } catch (error) {
      if (absences.some((code) => isGlfsError(error, code))) return undefined;
      throw error;
    }
  }

  /** Files that the part holds. What comes or goes meanwhile may be missing. @throws GlfsError ENOTCONN, ESTALE after a restart */
  async *gfids(context: CallContext): AsyncGenerator<Gfid, void, void> {
    for await (const name of listing(this.child, this.inode, context)) {
      const gfid = parsed(name);
      // Base files of the index stand beside the entries.
      if (gfid !== undefined) yield gfid;
    }
  }

  /** Takes the entry of a file out that the brick doesn't have any more. */
  async drop(gfid: Gfid, context: CallContext): Promise<void> {
    const loc = { inode: new Inode(gfid), parent: this.inode, name: gfidToString(gfid) };
    try {
      if (this.kind === 'entry-changes') await this.child.rmdir({ loc, xflags: WITH_CONTENTS }, context);
      else await this.child.unlink({ loc, xflags: 0 }, context);
    } catch (error) {
      if (!isGlfsError(error, 'ENOENT')) throw error;
    }
  }
}

/** Names in a directory of one subvolume, without `.` and `..`. */
export async function* listing(
  child: Subvolume,
  inode: Inode,
  context: CallContext,
): AsyncGenerator<string, void, void> {
  const fd = new Fd(inode, OpenFlag.RDONLY);
  await child.opendir({ loc: { inode }, fd }, context);
  try {
    for (let offset = 0n; ; ) {
      const { entries } = await child.readdir({ fd, offset, size: LISTING_BYTES }, context);
      const last = entries.at(-1);
      if (last === undefined) return;
      for (const { name } of entries) if (name !== '.' && name !== '..') yield name;
      if (last.offset === offset) throw new GlfsError('EIO', 'the listing does not advance');
      offset = last.offset;
    }
  } finally {
    await child.releasedir({ fd }, context).catch(() => {});
  }
}

function parsed(name: string): Gfid | undefined {
  try {
    return gfidFromString(name);
  } catch {
    return undefined;
  }
}

import type { ErrnoCode } from '../../../errors.ts';
import { GlfsError, toGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  Inode,
  type InodeTable,
  type Loc,
  type Reply,
  type Subvolume,
} from '../../../graph/index.ts';
import { type Gfid, gfidEquals, isNullGfid, ROOT_GFID } from '../../../protocol/gfid.ts';
import type { BrickExport } from './export.ts';

/** Where a brick keeps its own affairs, in its root. */
const PRIVATE_DIRECTORY = '.glusterfs';

/**
 * A name as it may enter the brick.
 * @throws GlfsError EPERM for what would leave the parent or reach the brick's own files, EINVAL for what is no name.
 */
export function checkEntryName(parent: Gfid, name: string): void {
  if (name.includes('/')) throw new GlfsError('EPERM', 'a name with a slash');
  if (name === '' || isDots(name) || name.includes('\0')) {
    throw new GlfsError('EINVAL', `not a name: ${JSON.stringify(name)}`);
  }
  if (name === PRIVATE_DIRECTORY && gfidEquals(parent, ROOT_GFID)) throw new GlfsError('EPERM');
}

/** Names that lead to directories, and are no entries of anything. */
export function isDots(name: string): boolean {
  return name === '.' || name === '..';
}

/** Makes inodes of the gfids and names that requests have, for one call. */
export class Resolver {
  private readonly table: InodeTable;
  private readonly child: Subvolume;
  private readonly context: CallContext;

  constructor(
    brick: BrickExport,
    /** What stands for the root of the volume. */
    private readonly rootGfid: Gfid | undefined,
    context: CallContext,
  ) {
    this.table = brick.table;
    this.child = brick.subvolume;
    // Whether the caller may is for the call itself to find out.
    this.context = asRoot(context);
  }

  /** The gfid that is meant: clients that have a directory for their root call it the root. */
  gfid(given: Gfid): Gfid {
    return this.rootGfid !== undefined && gfidEquals(given, ROOT_GFID) ? this.rootGfid : given;
  }

  /** The inode of a file that must be there. @throws GlfsError `missing` where it isn't, EINVAL for the null gfid. */
  async inode(given: Gfid, missing: ErrnoCode = 'ESTALE'): Promise<Inode> {
    const gfid = this.gfid(given);
    if (isNullGfid(gfid)) throw new GlfsError('EINVAL', 'no gfid');
    const known = this.table.get(gfid);
    if (known !== undefined) return known;
    const inode = new Inode(gfid);
    let reply: Reply<'lookup'>;
    try {
      reply = await this.child.lookup({ loc: { inode }, flags: 0 }, this.context);
    } catch (error) {
      if (isAbsence(error)) throw new GlfsError(missing, undefined, { cause: error });
      throw error;
    }
    if (!gfidEquals(reply.stat.gfid, gfid)) throw new GlfsError(missing);
    return this.table.link(inode, reply.stat);
  }

  /** As `inode`, or a fresh one that bears the gfid. */
  hint(given: Gfid): Inode {
    const gfid = this.gfid(given);
    if (isNullGfid(gfid)) throw new GlfsError('EINVAL', 'no gfid');
    return this.table.get(gfid) ?? new Inode(gfid);
  }

  /** The directory of an entry. @throws GlfsError ESTALE, EPERM where it is none; what checkEntryName throws. */
  async parent(given: Gfid, name: string): Promise<Inode> {
    checkEntryName(this.gfid(given), name);
    const parent = await this.inode(given);
    if (parent.type !== 'directory' && parent.type !== 'unknown')
      throw new GlfsError('EPERM', 'the parent is no directory');
    return parent;
  }

  /** An entry that is to be made, or whose file the call finds out. */
  async fresh(parent: Gfid, name: string): Promise<Loc> {
    return { parent: await this.parent(parent, name), name, inode: new Inode() };
  }

  /**
   * An entry, with the inode that the name was last seen to lead to. libgfapi looks a directory up as the `.` in itself, and the
   * one above as `..`; what a client has for its root has none above.
   */
  async guess(given: Gfid, name: string): Promise<Loc> {
    if (isDots(name)) {
      const parent = await this.inode(given);
      const top = gfidEquals(parent.gfid, this.rootGfid ?? ROOT_GFID);
      const stays = name === '.' || top || gfidEquals(parent.gfid, ROOT_GFID);
      return { parent, name: stays ? '.' : name, inode: stays ? parent : new Inode() };
    }
    const parent = await this.parent(given, name);
    return { parent, name, inode: this.table.find(parent, name) ?? new Inode() };
  }

  /** An entry that must be there. @throws GlfsError ENOENT */
  async existing(given: Gfid, name: string): Promise<Loc> {
    const parent = await this.parent(given, name);
    const inode = await this.lookUp(parent, name);
    if (inode === undefined) throw new GlfsError('ENOENT');
    return { parent, name, inode };
  }

  /** An entry that may be there. */
  async possible(given: Gfid, name: string): Promise<Loc> {
    const parent = await this.parent(given, name);
    return { parent, name, inode: (await this.lookUp(parent, name)) ?? new Inode() };
  }

  private async lookUp(parent: Inode, name: string): Promise<Inode | undefined> {
    const known = this.table.find(parent, name);
    if (known !== undefined) return known;
    try {
      const inode = new Inode();
      const { stat } = await this.child.lookup({ loc: { inode, parent, name }, flags: 0 }, this.context);
      return this.table.linkEntry(parent, name, inode, stat);
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }
}

export function isAbsence(error: unknown): boolean {
  const { code } = toGlfsError(error);
  return code === 'ENOENT' || code === 'ESTALE';
}

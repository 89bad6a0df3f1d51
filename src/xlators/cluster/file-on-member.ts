import { type ErrnoCode, isGlfsError } from '../../errors.ts';
import { type CallContext, Inode, type Subvolume } from '../../graph/index.ts';
import { entryBytes } from '../../protocol/dict.ts';
import type { Gfid } from '../../protocol/gfid.ts';
import { type Iatt, typeOfMode } from '../../protocol/iatt.ts';
import { decodeText } from '../../xdr/index.ts';

/** All paths that the brick has noted with the file; separated by colons. */
const NOTED_PATHS = 'glusterfs.gfidtopath';
/** The path as far as the brick's process knows it: `<gfid:…>` where it doesn't. */
const KNOWN_PATH = 'glusterfs.gfid2path';

const unknownPath: readonly ErrnoCode[] = ['ENODATA', 'EOPNOTSUPP', 'EINVAL', 'ENOENT', 'ESTALE'];

/** A file that is known by its gfid, as one subvolume has it. */
export interface FileOnMember {
  readonly stat: Iatt;
  /** From the root of the volume; undefined where that one can't tell. */
  readonly path: string | undefined;
}

/** Undefined where this one doesn't have the file. @throws GlfsError ENOTCONN */
export async function fileOnMember(
  child: Subvolume,
  gfid: Gfid,
  context: CallContext,
): Promise<FileOnMember | undefined> {
  try {
    const inode = new Inode(gfid);
    const { stat } = await child.lookup({ loc: { inode }, flags: 0 }, context);
    inode.type = typeOfMode(stat.mode);
    return { stat, path: inode.isRoot ? '/' : await pathOf(child, inode, stat, context) };
  } catch (error) {
    if (isGlfsError(error, 'ENOENT') || isGlfsError(error, 'ESTALE')) return undefined;
    throw error;
  }
}

async function pathOf(
  child: Subvolume,
  inode: Inode,
  { nlink }: Iatt,
  context: CallContext,
): Promise<string | undefined> {
  for (const name of [NOTED_PATHS, KNOWN_PATH]) {
    const text = await textOf(child, inode, name, context);
    if (text === undefined || !text.startsWith('/')) continue;
    // Only what has several names can have several paths, and a colon may be part of a name.
    const several = inode.type !== 'directory' && nlink > 1;
    return several ? text.split(':/', 1)[0]! : text;
  }
  return undefined;
}

async function textOf(
  child: Subvolume,
  inode: Inode,
  name: string,
  context: CallContext,
): Promise<string | undefined> {
  try {
    const { dict } = await child.getxattr({ loc: { inode }, name }, context);
    const entry = dict?.entry(name);
    return entry === undefined ? undefined : decodeText(entryBytes(entry)).replace(/\0.*$/s, '');
  } catch (error) {
    if (unknownPath.some((code) => isGlfsError(error, code))) return undefined;
    throw error;
  }
}

import type { Fd, Inode, Loc, Reply, Request } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { type Gfid, gfidEquals, isNullGfid } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { UpcallFlag } from '../../../protocol/upcall-flag.ts';
import type { RegisteredXattrs } from './registered-xattrs.ts';

const { NLINK, MODE, OWNER, SIZE, TIMES, ATIME, PERMISSIONS, RENAME, FORGET, PARENT_TIMES } = UpcallFlag;

const WRITTEN = SIZE | TIMES;
const ATTRIBUTES = SIZE | TIMES | OWNER | MODE | PERMISSIONS;
const LINKED = NLINK | TIMES | PARENT_TIMES;
const PERMISSION_BITS = 0o7777;

/** What a call did to a file. With no flag but ATIME it is an access, of which nobody is told. */
export interface Effect {
  readonly gfid: Gfid;
  readonly flags: number;
  readonly stat?: Iatt;
  readonly parent?: Iatt;
  readonly oldParent?: Iatt;
  readonly xattrs?: Dict;
}

type Effects = {
  readonly [K in FopName]?: (
    request: Request<K>,
    reply: Reply<K>,
    registered: RegisteredXattrs,
  ) => readonly Effect[];
};

const accessed = (gfid: Gfid): Effect => ({ gfid, flags: ATIME });
const accessedAt = ({ loc }: { loc: Loc }) => [accessed(loc.inode.gfid)];
const accessedBy = ({ fd }: { fd: Fd }) => [accessed(fd.inode.gfid)];

const written = (inode: Inode, { poststat }: { poststat: Iatt }): Effect[] => [
  { gfid: inode.gfid, flags: WRITTEN, stat: poststat },
];
const writtenBy = ({ fd }: { fd: Fd }, reply: { poststat: Iatt }) => written(fd.inode, reply);

/** Permissions are in attributes, too (ACLs): a new mode makes those untrue. */
function attributes(inode: Inode, { prestat, poststat }: { prestat: Iatt; poststat: Iatt }): Effect[] {
  const changed = ((prestat.mode ^ poststat.mode) & PERMISSION_BITS) !== 0;
  const flags = changed ? ATTRIBUTES | UpcallFlag.XATTR : ATTRIBUTES;
  return [{ gfid: inode.gfid, flags, stat: poststat }];
}

interface NewEntry {
  readonly stat: Iatt;
  readonly postparent: Iatt;
}

/** Nobody knows the file yet; those who know the directory are told that it changed. */
function made({ loc }: { loc: Loc }, { stat, postparent }: NewEntry): Effect[] {
  const effects = [accessed(stat.gfid)];
  if (loc.parent !== undefined) effects.unshift({ gfid: loc.parent.gfid, flags: TIMES, stat: postparent });
  return effects;
}

/** Those who know the file are told of its directory, too; the directory itself counts as accessed. */
function linked(file: Gfid, parent: Inode | undefined, postparent: Iatt, stat?: Iatt): Effect[] {
  const effects: Effect[] = [{ gfid: file, flags: LINKED, stat, parent: postparent }];
  if (parent !== undefined) effects.push(accessed(parent.gfid));
  return effects;
}

const removed = ({ loc }: { loc: Loc }, { postparent }: { postparent: Iatt }) =>
  linked(loc.inode.gfid, loc.parent, postparent);

function attributesChanged(inode: Inode, flag: number, xattrs: Dict | undefined, xdata?: Dict): Effect[] {
  if (xattrs === undefined) return [];
  const stat = xdata?.get(keys.postStat);
  return [{ gfid: inode.gfid, flags: stat === undefined ? flag : flag | TIMES, stat, xattrs }];
}

const named = (name: string): Dict => new Dict().setBytes(name, new Uint8Array(1));

/**
 * What each call does to which files, as GlusterFS's bricks tell it. Two rows are ours: GlusterFS tells nobody of
 * copy_file_range, and of a file that a rename replaced only when its inode leaves the brick's table.
 */
export const effects: Effects = {
  lookup: (_, { stat }) => [accessed(stat.gfid)],
  open: accessedBy,
  opendir: accessedAt,
  stat: accessedAt,
  fstat: accessedBy,
  statfs: accessedAt,
  access: accessedAt,
  readlink: accessedAt,
  read: accessedBy,
  seek: accessedBy,
  lk: accessedBy,
  getxattr: accessedAt,
  fgetxattr: accessedBy,
  readdir: accessedBy,
  readdirp: ({ fd }, { entries }) => {
    const found = [accessed(fd.inode.gfid)];
    for (const { name, stat } of entries)
      if (stat !== undefined && name !== '.' && name !== '..') found.push(accessed(stat.gfid));
    return found;
  },

  write: writtenBy,
  truncate: ({ loc }, reply) => written(loc.inode, reply),
  ftruncate: writtenBy,
  fallocate: writtenBy,
  discard: writtenBy,
  zerofill: writtenBy,
  copyFileRange: ({ source, target }, reply) => [
    accessed(source.inode.gfid),
    ...written(target.inode, reply),
  ],

  setattr: ({ loc }, reply) => attributes(loc.inode, reply),
  fsetattr: ({ fd }, reply) => attributes(fd.inode, reply),

  create: made,
  mknod: made,
  mkdir: made,
  symlink: made,

  unlink: removed,
  rmdir: removed,
  link: ({ loc, newLoc }, { stat, postparent }) => linked(loc.inode.gfid, newLoc.parent, postparent, stat),
  rename: ({ loc, newLoc }, { stat, postoldparent, postnewparent }) => {
    const { gfid } = loc.inode;
    const found: Effect[] = [
      { gfid, flags: RENAME | PARENT_TIMES, stat, parent: postnewparent, oldParent: postoldparent },
    ];
    for (const parent of new Set([loc.parent, newLoc.parent]))
      if (parent !== undefined) found.push(accessed(parent.gfid));
    const replaced = newLoc.inode.gfid;
    if (!isNullGfid(replaced) && !gfidEquals(replaced, gfid)) found.push({ gfid: replaced, flags: FORGET });
    return found;
  },

  setxattr: ({ loc, dict }, { xdata }, registered) =>
    attributesChanged(loc.inode, UpcallFlag.XATTR, registered.among(dict), xdata),
  fsetxattr: ({ fd, dict }, { xdata }, registered) =>
    attributesChanged(fd.inode, UpcallFlag.XATTR, registered.among(dict), xdata),
  removexattr: ({ loc, name }, { xdata }, registered) =>
    attributesChanged(loc.inode, UpcallFlag.XATTR_REMOVED, registered.among(named(name)), xdata),
  fremovexattr: ({ fd, name }, { xdata }, registered) =>
    attributesChanged(fd.inode, UpcallFlag.XATTR_REMOVED, registered.among(named(name)), xdata),
  xattrop: ({ loc, dict }, reply, registered) =>
    attributesChanged(loc.inode, UpcallFlag.XATTR, registered.amongAdded(dict, reply.dict)),
  fxattrop: ({ fd, dict }, reply, registered) =>
    attributesChanged(fd.inode, UpcallFlag.XATTR, registered.amongAdded(dict, reply.dict)),
};

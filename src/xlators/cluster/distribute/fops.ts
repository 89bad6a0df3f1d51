import type { CallContext, Reply, Request } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { fsetattr, setattr } from './attributes.ts';
import { copyFileRange } from './copy-file-range.ts';
import { create, mknod, symlink } from './create.ts';
import { access, fstat, getactivelk, rchecksum, read, readlink, seek, stat } from './file-read.ts';
import { flush, fsync, fsyncdir, release, releasedir } from './file-sync.ts';
import { discard, fallocate, ftruncate, truncate, write, zerofill } from './file-write.ts';
import { link } from './link.ts';
import { entrylk, fentrylk, finodelk, inodelk, ipc, lease, lk, setactivelk } from './locks-forward.ts';
import { lookup } from './lookup.ts';
import { mkdir, mkdirAlone } from './mkdir.ts';
import { open, opendir } from './open.ts';
import { readdir, readdirp } from './readdir.ts';
import { rename, renameAlone } from './rename.ts';
import { rmdir } from './rmdir.ts';
import type { DistributeState } from './state.ts';
import { statfs } from './statfs.ts';
import { unlink } from './unlink.ts';
import { fgetxattr, getxattr } from './xattr-get.ts';
import { fremovexattr, fsetxattr, removexattr, setxattr } from './xattr-set.ts';
import { fxattrop, xattrop } from './xattrop.ts';

/** How distribute does one fop. */
export type Part<K extends FopName> = (
  state: DistributeState,
  request: Request<K>,
  context: CallContext,
) => Promise<Reply<K>>;

export type Parts = { readonly [K in FopName]: Part<K> };

/** All fops: each is the part that does it. */
export const parts: Parts = {
  access,
  copyFileRange,
  create,
  discard,
  entrylk,
  fallocate,
  fentrylk,
  fgetxattr,
  finodelk,
  flush,
  fremovexattr,
  fsetattr,
  fsetxattr,
  fstat,
  fsync,
  fsyncdir,
  ftruncate,
  fxattrop,
  getactivelk,
  getxattr,
  inodelk,
  ipc,
  lease,
  link,
  lk,
  lookup: (state, { loc, xdata }, context) => lookup(state, loc, xdata, context),
  mkdir,
  mknod,
  open,
  opendir,
  rchecksum,
  read,
  readdir,
  readdirp,
  readlink,
  release,
  releasedir,
  removexattr,
  rename,
  rmdir,
  seek,
  setactivelk,
  setattr,
  setxattr,
  stat,
  statfs,
  symlink,
  truncate,
  unlink,
  write,
  xattrop,
  zerofill,
};

/**
 * With one subvolume there is nothing to distribute: all other fops are the subvolume's own. What is left keeps distribute's
 * attributes where bricks added later expect them, and away from applications.
 */
export const partsAlone: Partial<Parts> = {
  mkdir: mkdirAlone,
  rename: renameAlone,
  setxattr,
  fsetxattr,
  removexattr,
  fremovexattr,
  getxattr,
  fgetxattr,
};

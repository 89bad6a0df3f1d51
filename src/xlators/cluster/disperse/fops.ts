import type { CallContext, Reply, Request } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import {
  fremovexattr,
  fsetattr,
  fsetxattr,
  fxattrop,
  removexattr,
  setattr,
  setxattr,
  xattrop,
} from './attributes.ts';
import { create, link, mkdir, mknod, rename, rmdir, symlink, unlink } from './entries/index.ts';
import { entrylk, fentrylk, finodelk, getactivelk, inodelk, ipc, lease, lk, setactivelk } from './locks.ts';
import { lookup } from './lookup.ts';
import { open, opendir, release, releasedir } from './open.ts';
import { readdir, readdirp } from './readdir.ts';
import { rchecksum, read, seek } from './reads.ts';
import { discard, fallocate, ftruncate, truncate, zerofill } from './sizes.ts';
import { access, fstat, readlink, stat } from './stat.ts';
import type { DisperseState } from './state.ts';
import { statfs } from './statfs.ts';
import { flush, fsync, fsyncdir } from './sync.ts';
import { copyFileRange, write } from './writes.ts';
import { fgetxattr, getxattr } from './xattr-reads.ts';

/** How disperse does one fop. */
export type Part<K extends FopName> = (
  state: DisperseState,
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
  lookup,
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

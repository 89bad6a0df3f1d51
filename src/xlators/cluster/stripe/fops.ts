import type { CallContext, Reply, Request } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { fsetattr, fstat, setattr, stat } from './attribute-fops.ts';
import { create, mknod } from './create.ts';
import {
  access,
  entrylk,
  fentrylk,
  finodelk,
  fxattrop,
  inodelk,
  ipc,
  lk,
  readlink,
  statfs,
  xattrop,
} from './forwarded.ts';
import { lookup } from './lookup.ts';
import { link, mkdir, symlink } from './make.ts';
import { flush, fsync, fsyncdir, open, opendir, release, releasedir } from './open.ts';
import { discard, fallocate, zerofill } from './ranges.ts';
import { read } from './read.ts';
import { readdir, readdirp } from './readdir.ts';
import { rmdir, unlink } from './remove.ts';
import { rename } from './rename.ts';
import { seek } from './seek.ts';
import type { StripeState } from './state.ts';
import { ftruncate, truncate } from './truncate.ts';
import { write } from './write.ts';
import { fgetxattr, fremovexattr, fsetxattr, getxattr, removexattr, setxattr } from './xattrs.ts';

/** How stripe does one fop. */
export type Part<K extends FopName> = (
  state: StripeState,
  request: Request<K>,
  context: CallContext,
) => Promise<Reply<K>>;

/**
 * What no stripe can answer for the whole, and GlusterFS answers by the first: the checksum of a range, a copy between two
 * files, a lease, the list of locks.
 */
export const refused = ['copyFileRange', 'getactivelk', 'lease', 'rchecksum', 'setactivelk'] as const;

export type Parts = { readonly [K in Exclude<FopName, (typeof refused)[number]>]: Part<K> };

/** All other fops: each is the part that does it. */
export const parts: Parts = {
  access,
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
  getxattr,
  inodelk,
  ipc,
  link,
  lk,
  lookup,
  mkdir,
  mknod,
  open,
  opendir,
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

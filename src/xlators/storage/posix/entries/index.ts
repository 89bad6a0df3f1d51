import type { FopName } from '../../../../protocol/fops.ts';
import { create } from './create.ts';
import type { EntryFop } from './entry-fop.ts';
import { access, readlink, statfs } from './inquiries.ts';
import { link } from './link.ts';
import { fsyncdir, opendir, readdir, readdirp, releasedir } from './listing.ts';
import { lookup } from './lookup.ts';
import { mkdir, mknod, symlink } from './make.ts';
import { rename } from './rename.ts';
import { rmdir, unlink } from './unlink.ts';

/** Operations on names and directories. */
export const entryFops = {
  access,
  create,
  fsyncdir,
  link,
  lookup,
  mkdir,
  mknod,
  opendir,
  readdir,
  readdirp,
  readlink,
  releasedir,
  rename,
  rmdir,
  statfs,
  symlink,
  unlink,
} satisfies { readonly [K in FopName]?: EntryFop<K> };

import { readlinkSync, statfsSync } from 'node:fs';
import { GlfsError } from '../../../../errors.ts';
import { isDirectory, isSymlink } from '../../../../protocol/iatt.ts';
import { decodeText } from '../../../../xdr/index.ts';
import type { EntryFop } from './entry-fop.ts';

const X_OK = 1;
const ANY_EXECUTE = 0o111;

export const readlink: EntryFop<'readlink'> = async (brick, { loc, size }) => {
  const path = brick.placeOf(loc);
  const stat = brick.iatt(path, loc.inode.known ? loc.inode.gfid : undefined);
  if (!isSymlink(stat)) throw new GlfsError('EINVAL', 'not a symbolic link');
  const target = readlinkSync(path, { encoding: 'buffer' });
  return { stat, target: decodeText(target.subarray(0, size)) };
};

/**
 * What root may do with the file: all but execute what nobody may. Whether the caller may is asked of features/access-control,
 * which knows who that is.
 */
export const access: EntryFop<'access'> = async (brick, { loc, mask }) => {
  const stat = brick.iatt(brick.placeOf(loc));
  if ((mask & X_OK) !== 0 && !isDirectory(stat) && (stat.mode & ANY_EXECUTE) === 0)
    throw new GlfsError('EACCES');
  return {};
};

/** The file system that the brick lies on, less what is reserved, and its share where several bricks lie there. */
export const statfs: EntryFop<'statfs'> = async (brick, { loc }) => {
  const path = brick.placeOf(loc);
  // statfs(2) follows symbolic links, out of the brick where they lead there.
  const asked = brick.store.stat(path).isSymbolicLink() ? brick.root : path;
  const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(asked);
  const { percent, bytes } = brick.options.reserve;
  const reserved = bytes === undefined ? Math.round((blocks * percent!) / 100) : Math.ceil(bytes / bsize);
  const free = Math.max(bfree - reserved, 0);
  const share = (value: number): number => Math.floor(value / brick.options['shared-brick-count']);
  return {
    bsize,
    frsize: bsize,
    blocks: share(blocks),
    bfree: share(free),
    bavail: share(Math.min(bavail, free)),
    files: share(files),
    ffree: share(ffree),
    favail: share(ffree),
    fsid: 0n,
    flag: 0n,
    namemax: 255,
  };
};

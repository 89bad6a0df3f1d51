import { StampFlag } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';

const { CTIME, MTIME, ATIME, PARENT_CTIME, PARENT_MTIME } = StampFlag;

const MADE = CTIME | MTIME | ATIME | PARENT_CTIME | PARENT_MTIME;
const MOVED = CTIME | PARENT_CTIME | PARENT_MTIME;
const WRITTEN = CTIME | MTIME;

/**
 * Which times a call changes, as GlusterFS 9 to 11 stamp it. Two rows are ours: GlusterFS knows what SETXATTR and
 * COPY_FILE_RANGE change but forgets to stamp them. Its bricks take the stamp of a copy, which moves the target's times as
 * it should; that of a SETXATTR they ignore.
 */
const flags: Partial<Record<FopName, number>> = {
  create: MADE,
  mknod: MADE,
  mkdir: MADE,
  symlink: MADE,
  unlink: MOVED,
  rmdir: MOVED,
  link: MOVED,
  rename: MOVED,
  write: WRITTEN,
  truncate: WRITTEN,
  ftruncate: WRITTEN,
  copyFileRange: WRITTEN,
  fallocate: MTIME | ATIME,
  zerofill: MTIME | ATIME,
  setxattr: CTIME,
  fsetxattr: CTIME,
  removexattr: CTIME,
  fremovexattr: CTIME,
};

/** Calls that count as access to the file. For copy_file_range the flag means its source. */
const accesses: ReadonlySet<FopName> = new Set(['open', 'opendir', 'read', 'copyFileRange']);

export function stampFlags(fop: FopName, noatime: boolean): number {
  return (flags[fop] ?? 0) | (!noatime && accesses.has(fop) ? ATIME : 0);
}

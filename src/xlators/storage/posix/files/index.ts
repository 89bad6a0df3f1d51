import type { PosixFops } from '../brick.ts';
import { discard, fallocate, zerofill } from './allocate.ts';
import { copyFileRange } from './copy-range.ts';
import { flush, open, release } from './open.ts';
import { rchecksum } from './rchecksum.ts';
import { read } from './read.ts';
import { seek } from './seek.ts';
import { fstat, stat } from './stat.ts';
import { fsync } from './sync.ts';
import { ftruncate, truncate } from './truncate.ts';
import { write } from './write.ts';

export { openDescriptor } from './descriptor.ts';

/** Operations on open files and their data. */
export const fileFops = {
  copyFileRange,
  discard,
  fallocate,
  flush,
  fstat,
  fsync,
  ftruncate,
  open,
  rchecksum,
  read,
  release,
  seek,
  stat,
  truncate,
  write,
  zerofill,
} satisfies PosixFops;

import type { Attributes } from '../subject.ts';

/** What node:fs and the API of glfs call by the same names. */
interface BigIntNumbers {
  readonly mode: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly ino: bigint;
  readonly rdev: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** A file's attributes but for its kind. */
export function numbersOf(stat: BigIntNumbers): Omit<Attributes, 'kind'> {
  return {
    mode: Number(stat.mode & 0o7777n),
    nlink: Number(stat.nlink),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: Number(stat.size),
    blocks: Number(stat.blocks),
    // node:fs takes inode numbers for signed ones.
    ino: BigInt.asUintN(64, stat.ino),
    rdev: stat.rdev,
    atime: stat.atimeNs,
    mtime: stat.mtimeNs,
    ctime: stat.ctimeNs,
  };
}

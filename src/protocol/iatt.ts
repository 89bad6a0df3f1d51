import { type Infer, i64, struct, u32, u53, u64 } from '../xdr/index.ts';
import { gfidSchema, NULL_GFID } from './gfid.ts';

/*
 * struct gfx_iattx { 148 bytes
 *   opaque gfid[16]; u64 flags, ino, dev, rdev, size, blocks, attributes, attributes_mask;
 *   i64 atime, mtime, ctime, btime; u32 atime_nsec, mtime_nsec, ctime_nsec, btime_nsec;
 *   u32 nlink, uid, gid, blksize, mode; }
 */
export const iattSchema = struct({
  gfid: gfidSchema,
  flags: u64,
  ino: u64,
  dev: u64,
  rdev: u64,
  /** Bytes. */
  size: u53,
  /** Units of 512 bytes. */
  blocks: u53,
  attributes: u64,
  attributesMask: u64,
  /** Seconds since the epoch; bigint, because a brick's file system may hold any 64 bits. */
  atime: i64,
  mtime: i64,
  ctime: i64,
  btime: i64,
  atimeNsec: u32,
  mtimeNsec: u32,
  ctimeNsec: u32,
  btimeNsec: u32,
  nlink: u32,
  uid: u32,
  gid: u32,
  blksize: u32,
  mode: u32,
});

/** The attributes of a file as bricks give them (`struct iatt`). `mode` holds type and permissions. */
export type Iatt = Infer<typeof iattSchema>;

export const IATT_BYTES = 148;

/** Everything but the time of birth is valid: what bricks set, and what we set. */
export const IATT_FLAGS = 0x17ffn;

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

export type FileType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'block'
  | 'character'
  | 'fifo'
  | 'socket'
  | 'unknown';

const types = new Map<number, FileType>([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFBLK, 'block'],
  [S_IFCHR, 'character'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
]);

export function typeOfMode(mode: number): FileType {
  return types.get(mode & S_IFMT) ?? 'unknown';
}

/** `d_type` of a directory entry: the type bits of the mode, shifted down. */
export function typeOfDirent(dtype: number): FileType {
  return types.get(dtype << 12) ?? 'unknown';
}

const direntTypes = new Map([...types].map(([mode, type]) => [type, mode >> 12]));

/** The `d_type` of a kind of file; 0 where it is not known. */
export function direntOfType(type: FileType): number {
  return direntTypes.get(type) ?? 0;
}

export function isDirectory(stat: { mode: number }): boolean {
  return (stat.mode & S_IFMT) === S_IFDIR;
}

export function isRegular(stat: { mode: number }): boolean {
  return (stat.mode & S_IFMT) === S_IFREG;
}

export function isSymlink(stat: { mode: number }): boolean {
  return (stat.mode & S_IFMT) === S_IFLNK;
}

/** All zeros: what failed replies carry, and what a reply without attributes means. */
export function emptyIatt(): Iatt {
  return {
    gfid: NULL_GFID,
    flags: 0n,
    ino: 0n,
    dev: 0n,
    rdev: 0n,
    size: 0,
    blocks: 0,
    attributes: 0n,
    attributesMask: 0n,
    atime: 0n,
    mtime: 0n,
    ctime: 0n,
    btime: 0n,
    atimeNsec: 0,
    mtimeNsec: 0,
    ctimeNsec: 0,
    btimeNsec: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    blksize: 0,
    mode: 0,
  };
}

/** Newer of two times given as seconds and nanoseconds: > 0 where `a` is. */
export function compareTimes(a: bigint, aNsec: number, b: bigint, bNsec: number): number {
  return a === b ? aNsec - bNsec : a > b ? 1 : -1;
}

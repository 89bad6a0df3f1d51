import type { Gfid } from '../protocol/gfid.ts';
import type { BigIntStats, Stats } from './stats.ts';

/**
 * A path in the volume, `/`-separated; relative ones start at the volume's root (or at the directory of `volume.at`).
 * Names that are not UTF-8 survive as surrogate escapes (bytes 0x80-0xff as U+DC80-U+DCFF) or as bytes.
 */
export type Path = string | Uint8Array;

/** What every call takes: how long its caller waits. */
export interface CallOptions {
  /**
   * Ends the caller's wait with ECANCELED. A call that changes something and has been sent goes on to its end: the error
   * then has `outcome: 'unknown'`.
   */
  signal?: AbortSignal;
  /** Milliseconds from now after which the wait ends with ETIMEDOUT. */
  timeout?: number;
  /** Time of `performance.now()` at which the wait ends with ETIMEDOUT. */
  deadline?: number;
}

/** Whether a symbolic link at the end of the path is followed (default: true, as the calls without `l` do). */
export interface FollowOptions extends CallOptions {
  follow?: boolean;
}

/** `{ bigint: true }` gives BigIntStats, as in node:fs. */
export interface StatOptions extends CallOptions {
  bigint?: boolean;
}
export interface BigIntStatOptions extends StatOptions {
  bigint: true;
}

/** node:fs flags (`'r'`, `'r+'`, `'w'`, `'wx'`, `'a'` …) or numbers of the host's `fs.constants.O_*`. */
export type OpenFlags = string | number;

export interface OpenOptions extends CallOptions {
  /** Permissions of a file that is made, before the umask (default 0o666). */
  mode?: number;
}

export interface ModeOptions extends CallOptions {
  /** Permissions before the umask: 0o777 for directories, 0o666 for files. */
  mode?: number;
}

export interface MkdirOptions extends ModeOptions {
  /** Makes missing parents, and takes a directory that is there already for success. */
  recursive?: boolean;
}

export interface RmOptions extends CallOptions {
  recursive?: boolean;
  /** A path that does not exist is no error. */
  force?: boolean;
}

export interface MknodOptions extends ModeOptions {
  /** Default `'file'`. */
  type?: 'file' | 'fifo' | 'socket' | 'block' | 'character';
  /** Of a device. */
  major?: number;
  minor?: number;
}

/** How names, link targets and paths come back. */
export type NameEncoding = 'utf8' | 'buffer';
export interface EncodingOptions extends CallOptions {
  /** `'buffer'` gives the bytes; the default is a string with surrogate escapes. */
  encoding?: NameEncoding;
}

export interface ReaddirOptions extends EncodingOptions {
  withFileTypes?: boolean;
  /** Descends into directories; names are then relative paths. */
  recursive?: boolean;
}

export interface OpendirOptions extends CallOptions {
  /** Bytes of entries that are asked for at once, as bricks count them (default 128 KiB). */
  bufferSize?: number;
  /** Lists `.` and `..`, too. */
  dots?: boolean;
}

export interface ReadFileOptions extends CallOptions {
  encoding?: BufferEncoding;
  /** Default `'r'`. */
  flag?: OpenFlags;
}

export interface WriteFileOptions extends OpenOptions {
  encoding?: BufferEncoding;
  /** Default `'w'`. */
  flag?: OpenFlags;
  /** Calls fsync before the close. */
  flush?: boolean;
}

export interface CopyFileOptions extends CallOptions {
  /** EEXIST where the target exists. */
  exclusive?: boolean;
}

/** A point in time: a Date, seconds since the epoch, nanoseconds since the epoch as bigint, or the server's clock. */
export type Time = Date | number | bigint | 'now';

/** Attributes to set; those left out stay. */
export interface AttributeChanges {
  /** Permission bits, 0 to 0o7777. */
  mode?: number;
  uid?: number;
  gid?: number;
  /** Bytes: cuts or grows the file. */
  size?: number;
  atime?: Time;
  mtime?: Time;
}

export interface SetxattrOptions extends FollowOptions {
  /** `'create'`: EEXIST where it exists; `'replace'`: ENODATA where it does not. */
  mode?: 'create' | 'replace';
}

/** Attributes before and after a call, as the servers saw them. */
export interface Change {
  readonly before: Stats;
  readonly after: Stats;
}

export interface ReadResult<B extends Uint8Array = Uint8Array> {
  readonly bytesRead: number;
  /** The buffer that was given, or the bytes read where a size was. */
  readonly buffer: B;
  /** The read reached the end of the file. */
  readonly eof: boolean;
  /** Attributes as the server saw them with the read. Absent for reads that asked the server for nothing. */
  readonly stats: Stats | undefined;
}

export interface WriteResult {
  readonly bytesWritten: number;
  readonly before: Stats | undefined;
  readonly after: Stats | undefined;
}

export interface ReadvResult {
  readonly bytesRead: number;
  readonly buffers: readonly Uint8Array[];
  readonly eof: boolean;
}

export type Whence = 'start' | 'current' | 'end';

/** A byte range of POSIX locks. */
export interface LockRange {
  /** Bytes from `whence` (default 0). */
  start?: number | bigint;
  /** 0, the default, reaches to the end of the file, however it grows; a negative one lies before `start`. */
  length?: number | bigint;
  /** Default `'start'`. */
  whence?: Whence;
}

export interface LockOptions extends LockRange, CallOptions {
  /** Waits until the lock is granted (F_SETLKW); otherwise EAGAIN (F_SETLK). Default true. */
  wait?: boolean;
  /** Asks the bricks for a mandatory lock (needs `locks.mandatory-locking` on the volume). */
  mandatory?: boolean;
}

/** A lock that another owner holds. */
export interface LockInfo {
  readonly type: 'read' | 'write';
  readonly start: bigint;
  /** 0: to the end of the file. */
  readonly length: bigint;
  readonly pid: number;
  readonly owner: Uint8Array;
}

/** On whose behalf calls are made. What is left out is taken over from the volume or view that `as` is called on. */
export interface Credentials {
  uid?: number;
  gid?: number;
  /** Supplementary groups; the wire has room for about 90. */
  groups?: readonly number[];
  /** Owner of POSIX locks, 1 to 255 bytes. By default every open file has an owner of its own. */
  lkOwner?: Uint8Array;
  /** Process id that bricks see. */
  pid?: number;
  /** Permission bits that new files and directories don't get (default 0o022). */
  umask?: number;
  /** 16 bytes; goes with every call (`glfs_setfsleaseid`). `null` drops it. */
  leaseId?: Uint8Array | null;
}

export interface StreamOptions extends CallOptions {
  flags?: OpenFlags;
  mode?: number;
  /** First byte. */
  start?: number;
  /** Bytes of a piece and of the stream's buffer (default 1 MiB). */
  highWaterMark?: number;
  /** Pieces that travel at once (default 4). */
  parallel?: number;
  /** fsync before the close of a write stream. */
  flush?: boolean;
}

export interface ReadStreamOptions extends StreamOptions {
  /** Last byte, inclusive, as in node:fs. */
  end?: number;
  encoding?: BufferEncoding;
}

/** Answer of `glfs_statvfs`; counts of blocks are in units of `frsize` bytes. */
export interface StatFs {
  /** Magic number of FUSE, which is what a mount shows. */
  readonly type: number;
  readonly bsize: number;
  readonly frsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly favail: number;
  readonly fsid: bigint;
  readonly flag: bigint;
  readonly namemax: number;
}

/** One entry of an access control list. */
export interface AclEntry {
  tag: 'user' | 'group' | 'mask' | 'other';
  /** uid or gid; absent for the owner, the owning group, the mask and others. */
  id?: number;
  read: boolean;
  write: boolean;
  execute: boolean;
}
export type AclType = 'access' | 'default';

export type LeaseKind = 'read' | 'read-write';

export type AnyStats = Stats | BigIntStats;

/** 16 bytes, or the UUID as text. */
export type GfidLike = Gfid | string;

/** Checksums of a range, by a brick. */
export interface RangeChecksum {
  /** The rolling one, of 32 bits. */
  readonly weak: number;
  /** 32 bytes: SHA-256, or MD5 with 16 zero bytes behind it. */
  readonly strong: Uint8Array;
  /** SHA-256 where the volume's `storage.fips-mode-rchecksum` is on. */
  readonly algorithm: 'sha256' | 'md5';
}

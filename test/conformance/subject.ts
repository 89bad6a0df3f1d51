/*
 * What cases act upon: a tree of files, by the calls of POSIX in the shape of node:fs. A subject is a kernel's directory, a
 * volume of glfs, or whatever else is to be judged.
 */

/** `/`-separated, starting at the subject's own root; as Buffer where names are not UTF-8. */
export type Path = string | Buffer;

/** On whose behalf calls are made; what is left out stays as it is. */
export interface Who {
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly number[];
  readonly umask?: number;
}

export type Kind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'block' | 'character';

/** stat(2), without what differs from machine to machine. Times in nanoseconds. */
export interface Attributes {
  readonly kind: Kind;
  /** Permission bits, 07777. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly ino: bigint;
  /** dev_t of a device. */
  readonly rdev: bigint;
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
}

/** Extended attributes of a path or an open file. */
export interface Xattrs {
  getxattr(name: string): Promise<Buffer>;
  setxattr(name: string, value: Uint8Array | string, how?: 'create' | 'replace'): Promise<void>;
  listxattr(): Promise<string[]>;
  removexattr(name: string): Promise<void>;
}

export interface LockRange {
  readonly start?: number;
  /** 0, the default, reaches to the end of the file, however it grows. */
  readonly length?: number;
}

export interface HeldLock {
  readonly type: 'read' | 'write';
  readonly start: number;
  readonly length: number;
}

/** An open file. Positions in bytes; `null` reads or writes at the file's own position and moves it. */
export interface OpenFile extends Xattrs {
  read(length: number, position?: number | null): Promise<Buffer>;
  write(data: Uint8Array | string, position?: number | null): Promise<number>;
  truncate(size: number): Promise<void>;
  stat(): Promise<Attributes>;
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  utimes(atime: bigint, mtime: bigint): Promise<void>;
  sync(): Promise<void>;
  datasync(): Promise<void>;
  /** fallocate(2) of room, with FALLOC_FL_KEEP_SIZE where `keepSize` is set. */
  allocate(offset: number, length: number, keepSize?: boolean): Promise<void>;
  /** fallocate(2) with FALLOC_FL_PUNCH_HOLE. */
  punch(offset: number, length: number): Promise<void>;
  /** fallocate(2) with FALLOC_FL_ZERO_RANGE: the file grows where it ends earlier. */
  zero(offset: number, length: number): Promise<void>;
  /** lseek(2) with SEEK_DATA, SEEK_HOLE. */
  seekData(offset: number): Promise<number>;
  seekHole(offset: number): Promise<number>;
  /** copy_file_range(2), all of it where the source is long enough. */
  copyTo(target: OpenFile, offset: number, targetOffset: number, length: number): Promise<number>;
  /** A POSIX lock whose owner is this open file. EAGAIN where another owner is in the way, unless `wait` is set. */
  lock(type: 'read' | 'write', range?: LockRange & { readonly wait?: boolean }): Promise<void>;
  unlock(range?: LockRange): Promise<void>;
  /** F_GETLK: the lock of another owner that is in the way. */
  getLock(type: 'read' | 'write', range?: LockRange): Promise<HeldLock | undefined>;
  close(): Promise<void>;
}

export interface Entry {
  readonly name: Buffer;
  readonly kind: Kind;
}

/** An open directory; `.` and `..` are not listed. */
export interface OpenDirectory {
  /** The next entry, `null` at the end. */
  read(): Promise<Entry | null>;
  close(): Promise<void>;
}

/** A tree of files. Calls reject with errors that bear the errno's name as `code`. */
export interface Subject {
  open(path: Path, flags: number, mode?: number): Promise<OpenFile>;
  /** `buffered`: how many entries, about, may be fetched at once. */
  opendir(path: Path, buffered?: number): Promise<OpenDirectory>;
  readdir(path: Path): Promise<Buffer[]>;
  mkdir(path: Path, mode?: number): Promise<void>;
  rmdir(path: Path): Promise<void>;
  unlink(path: Path): Promise<void>;
  rename(from: Path, to: Path): Promise<void>;
  /** Does not follow a link at the end of `existing`. */
  link(existing: Path, path: Path): Promise<void>;
  /** The target is taken as it is. */
  symlink(target: Path, path: Path): Promise<void>;
  readlink(path: Path): Promise<Buffer>;
  mknod(path: Path, kind: Kind, mode?: number, device?: { major: number; minor: number }): Promise<void>;
  stat(path: Path): Promise<Attributes>;
  lstat(path: Path): Promise<Attributes>;
  chmod(path: Path, mode: number): Promise<void>;
  chown(path: Path, uid: number, gid: number): Promise<void>;
  lchown(path: Path, uid: number, gid: number): Promise<void>;
  /** Nanoseconds since 1970. */
  utimes(path: Path, atime: bigint, mtime: bigint): Promise<void>;
  lutimes(path: Path, atime: bigint, mtime: bigint): Promise<void>;
  truncate(path: Path, size: number): Promise<void>;
  /** access(2): 4 read, 2 write, 1 execute or search, 0 is there. */
  access(path: Path, mode: number): Promise<void>;
  /** Of what the path leads to; of a link itself with `follow: false`. */
  xattrs(path: Path, options?: { follow: boolean }): Xattrs;

  /** The same tree seen by somebody else. */
  as(who: Who): Subject;
  /** The same tree through a client of its own, with nothing in common but the servers. Closed with the subject. */
  other(): Promise<Subject>;
  /** The tree below a directory as one of its own. */
  below(directory: string): Subject;
}

/** What a case may need and not every subject has. */
export type Capability =
  /** The caller is root: changes owners, makes device nodes, has trusted.* attributes. */
  | 'root'
  /** Calls on behalf of others are judged by permissions. */
  | 'permissions'
  | 'xattrs'
  /** Values of 64 KiB. */
  | 'large-xattrs'
  /** A hundred names of one file. */
  | 'many-names'
  | 'locks'
  /** `other()` gives an independent client. */
  | 'two-clients'
  /** mknod: fifos and sockets. */
  | 'special-files'
  | 'devices'
  | 'fallocate'
  | 'seek'
  | 'copy-range'
  | 'access'
  | 'nanoseconds'
  /** Every path is looked up anew from its top: nothing is believed because it was so a moment ago. */
  | 'fresh-names'
  /** Directories count their subdirectories as links. */
  | 'directory-links';

/** What a subject lacks, each with the reason, which is printed with the cases that are skipped for it. */
export type Lacks = Readonly<Partial<Record<Capability, string>>>;

/** Joins the bytes of a path to a directory. The empty path stays empty: it is one of the cases. */
export function joined(directory: string, path: Path): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path;
  if (bytes.length === 0) return bytes;
  const separator = bytes[0] === 0x2f ? '' : '/';
  return Buffer.concat([Buffer.from(directory + separator), bytes]);
}

/*
 * Signatures of what stands in this folder; each moves to the file of its class as that is written.
 */
import type { Readable, Writable } from 'node:stream';
import type { Gfid } from '../protocol/gfid.ts';
import type { BigIntStats, Stats, Statx } from './stats.ts';
import type * as T from './types.ts';

export * from './mount.ts';
export { BigIntStats, Stats, type Statx } from './stats.ts';
export * from './types.ts';

export interface Dirent {
  name: string;
  /** Directory that it was listed in. */
  parentPath: string;
  ino: bigint;
  /** Cookie behind this entry. */
  offset: bigint;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isBlockDevice(): boolean;
  isCharacterDevice(): boolean;
}
export interface DirentPlus extends Dirent {
  stats: Stats | undefined;
  /** The entry as a handle (glfs_xreaddirplus_get_object). */
  handle(): Handle | undefined;
}

/** What path calls, open files, directories and handles have in common. */
export interface Attributed {
  readonly gfid: string;
  stat(options: T.BigIntStatOptions): Promise<BigIntStats>;
  stat(options?: T.StatOptions): Promise<Stats>;
  statx(options?: T.CallOptions): Promise<Statx>;
  setattr(changes: T.AttributeChanges, options?: T.CallOptions): Promise<T.Change>;
  chmod(mode: number, options?: T.CallOptions): Promise<void>;
  chown(uid: number, gid: number, options?: T.CallOptions): Promise<void>;
  utimes(atime: T.Time, mtime: T.Time, options?: T.CallOptions): Promise<void>;
  getxattr(name: string, options?: T.CallOptions): Promise<Buffer>;
  setxattr(name: string, value: string | Uint8Array, options?: T.SetxattrOptions): Promise<void>;
  listxattr(options?: T.CallOptions): Promise<string[]>;
  removexattr(name: string, options?: T.CallOptions): Promise<void>;
  getAcl(type?: T.AclType, options?: T.CallOptions): Promise<T.AclEntry[] | undefined>;
  setAcl(acl: T.AclEntry[] | string, type?: T.AclType, options?: T.CallOptions): Promise<void>;
  removeAcl(type?: T.AclType, options?: T.CallOptions): Promise<void>;
}

export interface File extends Attributed, AsyncDisposable {
  readonly path: string;
  position: number;
  read<B extends Uint8Array>(into: B | number, options?: T.CallOptions): Promise<T.ReadResult<B>>;
  pread<B extends Uint8Array>(
    into: B | number,
    position: number,
    options?: T.CallOptions,
  ): Promise<T.ReadResult<B>>;
  readv(
    buffers: readonly Uint8Array[],
    position?: number | null,
    options?: T.CallOptions,
  ): Promise<T.ReadvResult>;
  write(data: Uint8Array | string, options?: T.CallOptions): Promise<T.WriteResult>;
  pwrite(data: Uint8Array | string, position: number, options?: T.CallOptions): Promise<T.WriteResult>;
  writev(
    buffers: readonly Uint8Array[],
    position?: number | null,
    options?: T.CallOptions,
  ): Promise<T.WriteResult>;
  readFile(options?: T.CallOptions): Promise<Buffer>;
  seek(offset: number, whence?: T.Whence): Promise<number>;
  seekData(offset: number, options?: T.CallOptions): Promise<number>;
  seekHole(offset: number, options?: T.CallOptions): Promise<number>;
  truncate(size?: number, options?: T.CallOptions): Promise<T.Change>;
  sync(options?: T.CallOptions): Promise<T.Change>;
  datasync(options?: T.CallOptions): Promise<T.Change>;
  fallocate(
    offset: number,
    length: number,
    options?: T.CallOptions & { keepSize?: boolean },
  ): Promise<T.Change>;
  discard(offset: number, length: number, options?: T.CallOptions): Promise<T.Change>;
  zerofill(offset: number, length: number, options?: T.CallOptions): Promise<T.Change>;
  copyFileRange(
    target: File,
    options: T.CallOptions & { offset?: number; targetOffset?: number; length: number },
  ): Promise<number>;
  lock(type: 'read' | 'write', options?: T.LockOptions): Promise<AsyncDisposable>;
  unlock(range?: T.LockRange & T.CallOptions): Promise<void>;
  getLock(type: 'read' | 'write', options?: T.LockRange & T.CallOptions): Promise<T.LockInfo | undefined>;
  createReadStream(options?: T.ReadStreamOptions): Readable;
  createWriteStream(options?: T.StreamOptions): Writable;
  dup(): File;
  close(options?: T.CallOptions): Promise<void>;
}

export interface Directory extends Attributed, AsyncDisposable, AsyncIterable<Dirent> {
  readonly path: string;
  read(options?: T.CallOptions): Promise<Dirent | null>;
  readBatch(options?: T.CallOptions): Promise<Dirent[]>;
  readPlus(options?: T.CallOptions): Promise<DirentPlus | null>;
  readPlusBatch(options?: T.CallOptions): Promise<DirentPlus[]>;
  entriesPlus(options?: T.CallOptions): AsyncIterable<DirentPlus>;
  tell(): bigint;
  seek(cookie: bigint): void;
  rewind(): void;
  sync(options?: T.CallOptions): Promise<void>;
  close(options?: T.CallOptions): Promise<void>;
}

export interface Handle extends Attributed, Disposable {
  /** The 16 bytes that survive everything. */
  toBytes(): Gfid;
  lookup(path: T.Path, options?: T.FollowOptions): Promise<Handle>;
  open(flags?: T.OpenFlags, options?: T.CallOptions): Promise<File>;
  opendir(options?: T.OpendirOptions): Promise<Directory>;
  close(): void;
}

export interface Volume extends AsyncDisposable {
  readonly name: string;
  open(path: T.Path, flags?: T.OpenFlags, options?: T.OpenOptions): Promise<File>;
  readFile(path: T.Path, options: T.ReadFileOptions & { encoding: BufferEncoding }): Promise<string>;
  readFile(path: T.Path, options?: T.ReadFileOptions): Promise<Buffer>;
  writeFile(
    path: T.Path,
    data: Uint8Array | string | AsyncIterable<Uint8Array>,
    options?: T.WriteFileOptions,
  ): Promise<void>;
  appendFile(path: T.Path, data: Uint8Array | string, options?: T.WriteFileOptions): Promise<void>;
  copyFile(source: T.Path, target: T.Path, options?: T.CopyFileOptions): Promise<void>;
  createReadStream(path: T.Path, options?: T.ReadStreamOptions): Readable;
  createWriteStream(path: T.Path, options?: T.StreamOptions): Writable;
  stat(path: T.Path, options: T.BigIntStatOptions): Promise<BigIntStats>;
  stat(path: T.Path, options?: T.StatOptions): Promise<Stats>;
  lstat(path: T.Path, options: T.BigIntStatOptions): Promise<BigIntStats>;
  lstat(path: T.Path, options?: T.StatOptions): Promise<Stats>;
  statx(path: T.Path, options?: T.FollowOptions): Promise<Statx>;
  statfs(path?: T.Path, options?: T.CallOptions): Promise<T.StatFs>;
  access(path: T.Path, mode?: number, options?: T.CallOptions): Promise<void>;
  exists(path: T.Path, options?: T.CallOptions): Promise<boolean>;
  setattr(path: T.Path, changes: T.AttributeChanges, options?: T.FollowOptions): Promise<T.Change>;
  chmod(path: T.Path, mode: number, options?: T.CallOptions): Promise<void>;
  chown(path: T.Path, uid: number, gid: number, options?: T.CallOptions): Promise<void>;
  lchown(path: T.Path, uid: number, gid: number, options?: T.CallOptions): Promise<void>;
  utimes(path: T.Path, atime: T.Time, mtime: T.Time, options?: T.CallOptions): Promise<void>;
  lutimes(path: T.Path, atime: T.Time, mtime: T.Time, options?: T.CallOptions): Promise<void>;
  truncate(path: T.Path, size?: number, options?: T.CallOptions): Promise<T.Change>;
  link(existing: T.Path, path: T.Path, options?: T.CallOptions): Promise<void>;
  symlink(target: T.Path, path: T.Path, options?: T.CallOptions): Promise<void>;
  readlink(path: T.Path, options: T.EncodingOptions & { encoding: 'buffer' }): Promise<Buffer>;
  readlink(path: T.Path, options?: T.EncodingOptions): Promise<string>;
  realpath(path: T.Path, options: T.EncodingOptions & { encoding: 'buffer' }): Promise<Buffer>;
  realpath(path: T.Path, options?: T.EncodingOptions): Promise<string>;
  rename(from: T.Path, to: T.Path, options?: T.CallOptions): Promise<void>;
  unlink(path: T.Path, options?: T.CallOptions): Promise<void>;
  rmdir(path: T.Path, options?: T.CallOptions): Promise<void>;
  rm(path: T.Path, options?: T.RmOptions): Promise<void>;
  /** With `recursive`: the first directory that was made, or undefined. */
  mkdir(path: T.Path, options?: T.MkdirOptions): Promise<string | undefined>;
  mknod(path: T.Path, options?: T.MknodOptions): Promise<void>;
  opendir(path: T.Path, options?: T.OpendirOptions): Promise<Directory>;
  readdir(path: T.Path, options: T.ReaddirOptions & { withFileTypes: true }): Promise<Dirent[]>;
  readdir(path: T.Path, options: T.ReaddirOptions & { encoding: 'buffer' }): Promise<Buffer[]>;
  readdir(path: T.Path, options?: T.ReaddirOptions): Promise<string[]>;
  /** Entries with their attributes. */
  readdirPlus(path: T.Path, options?: T.ReaddirOptions): Promise<DirentPlus[]>;
  getxattr(path: T.Path, name: string, options?: T.FollowOptions): Promise<Buffer>;
  setxattr(
    path: T.Path,
    name: string,
    value: string | Uint8Array,
    options?: T.SetxattrOptions,
  ): Promise<void>;
  listxattr(path: T.Path, options?: T.FollowOptions): Promise<string[]>;
  removexattr(path: T.Path, name: string, options?: T.FollowOptions): Promise<void>;
  getAcl(path: T.Path, type?: T.AclType, options?: T.CallOptions): Promise<T.AclEntry[] | undefined>;
  setAcl(path: T.Path, acl: T.AclEntry[] | string, type?: T.AclType, options?: T.CallOptions): Promise<void>;
  removeAcl(path: T.Path, type?: T.AclType, options?: T.CallOptions): Promise<void>;
  handle(path: T.Path, options?: T.FollowOptions): Promise<Handle>;
  fromHandle(gfid: T.GfidLike, options?: T.CallOptions): Promise<Handle>;
  /** A view on behalf of others. */
  as(credentials: T.Credentials): Volume;
  /** A view whose relative paths start at `path`. */
  at(path: T.Path, options?: T.CallOptions): Promise<Volume>;
  volumeId(): Promise<string>;
  volfile(): string;
  statedump(): Record<string, unknown>;
  close(): Promise<void>;
}

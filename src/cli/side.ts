import type { BigIntStats } from '../api/stats.ts';
import type { Source, Target } from './transfer.ts';

export type FileKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'block'
  | 'character'
  | 'unknown';

/** Attributes of a file on either side of a copy. Times in nanoseconds since the epoch. */
export interface Attributes {
  readonly kind: FileKind;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Of 512 bytes. */
  readonly blocks: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly rdev: bigint;
  /** Equal for one file under several names. */
  readonly identity: string;
}

export interface OpenSource extends Source {
  readonly attributes: Attributes;
  close(): Promise<void>;
}

export interface OpenTarget extends Target {
  /** Bytes of the file as it is now. */
  size(): Promise<number>;
  truncate(size: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface SideEntry {
  readonly name: string;
  /** Surely a directory; listings don't know all types. */
  readonly isDirectory: boolean;
}

/** A file system that files are copied from or to: this machine's, or a volume. Paths are its own. */
export interface Side {
  /** Equal for sides that are one file system. */
  readonly key: string;
  stat(path: string, follow: boolean): Promise<Attributes>;
  /** Without `.` and `..`. */
  entries(path: string): Promise<SideEntry[]>;
  readlink(path: string): Promise<string>;
  openSource(path: string): Promise<OpenSource>;
  /** Opens for writing and cuts to nothing; makes the file where it isn't there. `mode` is meant as it is, without umask. */
  openTarget(path: string, options: { mode: number; exclusive: boolean }): Promise<OpenTarget>;
  mkdir(path: string, mode: number): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  mknod(path: string, like: Attributes): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Owner (as far as we may), mode and times. The mode of a symbolic link is left alone. */
  restore(path: string, attributes: Attributes): Promise<void>;
}

/** A file on a side, that may not exist. */
export interface Place {
  readonly side: Side;
  readonly path: string;
  /** As messages name it. */
  readonly shown: string;
  /** Something in it. */
  child(name: string): Place;
}

interface Kinds {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isBlockDevice(): boolean;
  isCharacterDevice(): boolean;
}

export function kindOf(stats: Kinds): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isSocket()) return 'socket';
  if (stats.isBlockDevice()) return 'block';
  return stats.isCharacterDevice() ? 'character' : 'unknown';
}

/** What both node:fs and glfs give with `{ bigint: true }`. */
export type AnyBigStats = Kinds &
  Pick<BigIntStats, 'mode' | 'uid' | 'gid' | 'size' | 'blocks' | 'rdev' | 'atimeNs' | 'mtimeNs'>;

export function attributesOf(stats: AnyBigStats, identity: string): Attributes {
  return {
    kind: kindOf(stats),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    blocks: Number(stats.blocks),
    atimeNs: stats.atimeNs,
    mtimeNs: stats.mtimeNs,
    rdev: stats.rdev,
    identity,
  };
}

import type { Fd, Inode } from '../../../../graph/index.ts';
import type { ChildSet } from '../../children.ts';

/** Bytes of a file. */
export interface Range {
  readonly start: number;
  /** 0: to the end of the file, wherever that is. */
  readonly length: number;
}

/** What an operation wants to lock, and what it will do under the lock. */
export interface LockTarget {
  readonly inode: Inode;
  /** Through which the counters may be moved; by gfid without. */
  readonly fd?: Fd;
  /** Which counter a success moves: versions are [data, metadata]. Names of a directory are its data. */
  readonly changes?: 'data' | 'metadata' | 'both';
  /** Operations under the same lock run side by side where ranges do not overlap; without: alone, but for other readers. */
  readonly range?: Range;
  /** Only reads: runs beside other readers whatever their ranges. */
  readonly shared?: boolean;
}

/** A lock as the operation under it sees it. */
export interface Held {
  readonly inode: Inode;
  /** Stands for the lock as it was granted: what is known of the file's bytes is worth nothing under another one. */
  readonly grant: object;
  /** Subvolumes that hold the lock and whose counters agreed: those on which the operation runs. */
  readonly good: ChildSet;
  /** Subvolumes that are being healed right now: changes of data go there, too, and their failure is none. */
  readonly healing: ChildSet;
  /** trusted.ec.size of a regular file under the lock, in bytes; an operation that has changed it sets it. */
  size: number;
  /** The operation has succeeded on `good` only: the others of `held.good` are left behind, and blamed. */
  narrow(good: ChildSet): void;
}

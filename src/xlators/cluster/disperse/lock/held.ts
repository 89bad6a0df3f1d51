import type { Fd, Inode } from '../../../../graph/index.ts';
import type { Dict } from '../../../../protocol/dict.ts';
import type { ChildSet } from '../../children.ts';
import type { Range } from '../../locking/lockees.ts';

export type { Range };

/** Which counters a success moves: versions are [data, metadata]. Names of a directory are its data. */
export type Changes = 'data' | 'metadata' | 'both';

/** What an operation wants to lock, and what it will do under the lock. */
export interface LockTarget {
  readonly inode: Inode;
  /** Through which the counters may be moved; by gfid without. */
  readonly fd?: Fd;
  readonly changes?: Changes;
  /** Operations under the same lock run side by side where ranges do not overlap; without: alone, but for other readers. */
  readonly range?: Range;
  /** Only reads: runs beside other readers whatever their ranges. */
  readonly shared?: boolean;
  /**
   * The counters (size, and who is behind) must be known. Default: yes, but for changes of a directory's names. GlusterFS
   * does without for FLUSH, FSYNCDIR and XATTROP, too: `false` there, and `size` must not be asked for.
   */
  readonly query?: boolean;
}

/** A lock as the operation under it sees it. */
export interface Held {
  readonly inode: Inode;
  /** Stands for the lock as it was granted: what is known of the file's bytes is worth nothing under another one. */
  readonly grant: object;
  /** Subvolumes that hold the lock and whose counters agreed: those on which the operation runs. Shrinks as they go. */
  readonly good: ChildSet;
  /** Subvolumes that are being healed right now: changes of data go there, too, and their failure is none. */
  readonly healing: ChildSet;
  /** trusted.ec.size of a regular file under the lock, in bytes; an operation that has changed it sets it. */
  size: number;
  /** The operation has succeeded on `agreed` only: the others of `good` are left behind, and blamed. */
  narrow(agreed: ChildSet): void;
  /**
   * Versions and size as they should be by now, on the bricks: what FLUSH and FSYNC do before they go down.
   * @throws GlfsError where too few subvolumes could be told, now or when an earlier lock of the file was given back
   */
  commit(): Promise<void>;
  /** `xdata` for a call that is wound under the lock: asks how many clients want it. */
  asking(xdata?: Dict): Dict;
  /** Looks at what a reply says to that: where another client waits the lock is given up soon. */
  answered(xdata: Dict | undefined): void;
}

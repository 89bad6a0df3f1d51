import type { BigIntStats } from 'node:fs';
import type { Place, RawEntry } from '../../../syscalls.ts';

/** What `setattr` gives a file; what is absent stays. */
export interface Ownership {
  /** Permission bits (07777). */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Where a brick keeps what the host's file system may not take from it: extended attributes, and, where the process is
 * not root, owners, permissions and the kinds of special files. Two kinds:
 * - `xattr`: on the files themselves, as glusterfsd does; needs root (trusted.*) and the addon;
 * - `sidecar`: one record for each inode below .glusterfs/, found by inode number.
 * All synchronous: a change of metadata is one step that no other call comes between. Errors are Node's system errors.
 */
export interface AttributeStore {
  readonly kind: 'xattr' | 'sidecar';
  /** `undefined` where the file has no such attribute. */
  get(place: Place, name: string): Buffer | undefined;
  /** `create` throws EEXIST where there is one, `replace` ENODATA where there is none. */
  set(place: Place, name: string, value: Uint8Array, how?: 'create' | 'replace'): void;
  /** Throws ENODATA where there is none. */
  remove(place: Place, name: string): void;
  list(place: Place): string[];
  /** lstat or fstat as clients shall see it: owner, permissions, kind and device from wherever they are kept. */
  stat(place: Place): BigIntStats;
  own(place: Place, ownership: Ownership): void;
  /** Makes a device, fifo or socket of that mode (type bits included). */
  mknod(path: Buffer, mode: number, device: bigint): void;
  /**
   * To be called before the last link of an inode goes, and for one that was just made: numbers are used again at once, and
   * what another process left behind must not become the new file's.
   */
  forget(place: Place): void;
  /** `forget` for an inode that can't be named any more when its last link has gone (by a rename over it). */
  forgetLater(place: Place): () => void;
  /**
   * Runs `act`. In the sidecar what it sets reaches the disk in one step for each file, or, where it throws, not at all; on the
   * files themselves one by one.
   */
  together<T>(act: () => T): T;
  /** DT_* of an entry as clients shall see it, where the host's may be of a stand-in. */
  typeOf(entry: RawEntry): number;
}

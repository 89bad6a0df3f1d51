import { loadAddon } from './addon.ts';
import { fallbackSyscalls } from './syscalls-fallback.ts';

/** A file for a system call: a path (bytes, never followed where its last part is a symbolic link) or an open descriptor. */
export type Place = Uint8Array | number;

/** One entry of a directory as the kernel lists it. */
export interface RawEntry {
  readonly name: Buffer;
  readonly ino: bigint;
  /** Where a listing goes on behind this entry (d_off): 63 bits, stable while the file system is. */
  readonly offset: bigint;
  /** DT_* of readdir(3); 0 where the file system doesn't tell. */
  readonly type: number;
}

/**
 * System calls that node:fs lacks; the addon carries them. They are synchronous unless they return a promise, and throw
 * errors shaped as Node's (`code`, `errno`, `syscall`).
 */
export interface Syscalls {
  /** lgetxattr(2), fgetxattr(2). ENODATA where there is none. */
  getxattr(place: Place, name: Uint8Array): Buffer;
  /** lsetxattr(2), fsetxattr(2); `flags`: 0, 1 XATTR_CREATE, 2 XATTR_REPLACE. */
  setxattr(place: Place, name: Uint8Array, value: Uint8Array, flags: number): void;
  removexattr(place: Place, name: Uint8Array): void;
  /** llistxattr(2), flistxattr(2). */
  listxattr(place: Place): Buffer[];
  /**
   * mknod(2), for devices, fifos and sockets; `device` as in dev_t of glibc (gnu_dev_makedev). The process's umask takes
   * its bits from `mode`.
   */
  mknod(path: Uint8Array, mode: number, device: bigint): void;
  /** fallocate(2), off the event loop. */
  fallocate(descriptor: number, mode: number, offset: number, length: number): Promise<void>;
  /** lseek(2) with SEEK_DATA (3) or SEEK_HOLE (4). ENXIO behind the last data. */
  seek(descriptor: number, offset: number, whence: number): number;
  /**
   * copy_file_range(2), off the event loop; may copy less. EXDEV, EOPNOTSUPP (`ENOTSUP`) and ENOSYS are the caller's to
   * deal with.
   */
  copyFileRange(
    source: number,
    sourceOffset: number,
    target: number,
    targetOffset: number,
    length: number,
  ): Promise<number>;
  /**
   * getdents64(2) from d_off `offset` on (0: the start), at most `limit` entries; empty at the end. `.` and `..` are among
   * them.
   */
  readdir(descriptor: number, offset: bigint, limit: number): RawEntry[];
  /** utimensat(2) with nanoseconds; `undefined` leaves a time as it is. Does not follow symbolic links. */
  utimens(place: Place, atime: bigint | undefined, mtime: bigint | undefined): void;
  /**
   * Gives an open file a (further) name: linkat(2) by /proc/self/fd. Linux refuses (ENOENT) where its last name is gone,
   * unless it was opened with O_TMPFILE.
   */
  linkDescriptor(descriptor: number, path: Uint8Array): void;
}

/** The addon's system calls; `undefined` where it did not build, and on systems other than Linux. */
export function syscalls(): Syscalls | undefined {
  return loadAddon().addon?.syscalls;
}

/** The addon's system calls, or what node:fs can do of them (`fallbackSyscalls`). */
export function hostSyscalls(): Syscalls {
  return syscalls() ?? fallbackSyscalls;
}

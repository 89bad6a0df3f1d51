import { isGlfsError } from '../errors.ts';
import { type AclText, getAcl, removeAcl, setAcl } from './acl-calls.ts';
import { access, attributesOf, setAttributes, statfs, toStats } from './attributes.ts';
import type { Call } from './calls.ts';
import { atPath, type Found } from './paths.ts';
import { type BigIntStats, type Stats, type Statx, toStatx } from './stats.ts';
import type {
  AclEntry,
  AclType,
  AttributeChanges,
  BigIntStatOptions,
  CallOptions,
  Change,
  FollowOptions,
  Path,
  SetxattrOptions,
  StatFs,
  StatOptions,
  Time,
} from './types.ts';
import { VolumeBase } from './volume-base.ts';
import { getxattr, listxattr, removexattr, setxattr } from './xattrs.ts';

/** Attributes, extended attributes and ACLs of files by path. */
export abstract class VolumeAttributes extends VolumeBase {
  /** Attributes of what the path leads to (glfs_stat). @throws GlfsError ENOENT, ENOTDIR, EACCES, ELOOP */
  stat(path: Path, options: BigIntStatOptions): Promise<BigIntStats>;
  stat(path: Path, options?: StatOptions): Promise<Stats>;
  stat(path: Path, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.onPath('stat', path, options, true, async (call, found) =>
      toStats(call, await attributesOf(call, found), options),
    );
  }

  /** As `stat`, but of a symbolic link itself (glfs_lstat). */
  lstat(path: Path, options: BigIntStatOptions): Promise<BigIntStats>;
  lstat(path: Path, options?: StatOptions): Promise<Stats>;
  lstat(path: Path, options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.onPath('lstat', path, options, false, async (call, found) =>
      toStats(call, await attributesOf(call, found), options),
    );
  }

  /** Attributes beyond stat, and which of them the servers know (struct glfs_stat). */
  statx(path: Path, options?: FollowOptions): Promise<Statx> {
    return this.onPath('statx', path, options, options?.follow ?? true, async (call, found) =>
      toStatx(await attributesOf(call, found), call.scope.device),
    );
  }

  /** Whether the path leads to something; errors other than ENOENT and ENOTDIR are thrown. */
  async exists(path: Path, options?: CallOptions): Promise<boolean> {
    try {
      await this.stat(path, options);
      return true;
    } catch (error) {
      if (isGlfsError(error, 'ENOENT', 'ENOTDIR')) return false;
      throw error;
    }
  }

  /** Checks rights, `mode` as of fs.constants: 0 F_OK, 4 R_OK, 2 W_OK, 1 X_OK (glfs_access). @throws GlfsError EACCES, ENOENT */
  access(path: Path, mode = 0, options?: CallOptions): Promise<void> {
    return this.onPath('access', path, options, true, (call, { loc }) => access(call, loc, mode));
  }

  /** Room and number of files of the volume; blocks of `frsize` bytes (glfs_statvfs). */
  statfs(path: Path = '/', options?: CallOptions): Promise<StatFs> {
    return this.onPath('statfs', path, options, true, (call, { loc }) => statfs(call, loc));
  }

  /** Sets what is given at once (glfs_setattr). @throws GlfsError EPERM, ENOENT, EROFS */
  setattr(path: Path, changes: AttributeChanges, options?: FollowOptions): Promise<Change> {
    return this.onPath('setattr', path, options, options?.follow ?? true, (call, { loc }) =>
      setAttributes(call, { loc }, changes),
    );
  }

  /** Permission bits, 0 to 0o7777 (glfs_chmod). */
  async chmod(path: Path, mode: number, options?: CallOptions): Promise<void> {
    await this.onPath('chmod', path, options, true, (call, { loc }) =>
      setAttributes(call, { loc }, { mode }),
    );
  }

  /** Owner and group; -1 leaves one as it is (glfs_chown). */
  async chown(path: Path, uid: number, gid: number, options?: CallOptions): Promise<void> {
    await this.onPath('chown', path, options, true, (call, { loc }) =>
      setAttributes(call, { loc }, { uid, gid }),
    );
  }

  /** As `chown`, of a symbolic link itself (glfs_lchown). */
  async lchown(path: Path, uid: number, gid: number, options?: CallOptions): Promise<void> {
    await this.onPath('lchown', path, options, false, (call, { loc }) =>
      setAttributes(call, { loc }, { uid, gid }),
    );
  }

  /** Times of last access and change; a number is seconds, a bigint nanoseconds since 1970 (glfs_utimens). */
  async utimes(path: Path, atime: Time, mtime: Time, options?: CallOptions): Promise<void> {
    await this.onPath('utimes', path, options, true, (call, { loc }) =>
      setAttributes(call, { loc }, { atime, mtime }),
    );
  }

  /** As `utimes`, of a symbolic link itself (glfs_lutimens). */
  async lutimes(path: Path, atime: Time, mtime: Time, options?: CallOptions): Promise<void> {
    await this.onPath('lutimes', path, options, false, (call, { loc }) =>
      setAttributes(call, { loc }, { atime, mtime }),
    );
  }

  /** Cuts a file, or grows it by a hole; `size` in bytes (glfs_truncate). @throws GlfsError EISDIR, EFBIG */
  truncate(path: Path, size = 0, options?: CallOptions): Promise<Change> {
    return this.onPath('truncate', path, options, true, (call, { loc }) =>
      setAttributes(call, { loc }, { size }),
    );
  }

  /** An extended attribute's bytes (glfs_getxattr; glfs_lgetxattr with `follow: false`). @throws GlfsError ENODATA */
  getxattr(path: Path, name: string, options?: FollowOptions): Promise<Buffer> {
    return this.onPath('getxattr', path, options, options?.follow ?? true, (call, { loc }) =>
      getxattr(call, { loc }, name),
    );
  }

  /**
   * glfs_setxattr; glfs_lsetxattr with `follow: false`.
   * @throws GlfsError EPERM for GlusterFS's own attributes, EEXIST and ENODATA as `mode` asks for, E2BIG beyond 64 KiB
   */
  setxattr(path: Path, name: string, value: string | Uint8Array, options?: SetxattrOptions): Promise<void> {
    return this.onPath('setxattr', path, options, options?.follow ?? true, (call, { loc }) =>
      setxattr(call, { loc }, name, value, options?.mode),
    );
  }

  /** Names of extended attributes, without GlusterFS's own (glfs_listxattr; glfs_llistxattr with `follow: false`). */
  listxattr(path: Path, options?: FollowOptions): Promise<string[]> {
    return this.onPath('listxattr', path, options, options?.follow ?? true, (call, { loc }) =>
      listxattr(call, { loc }),
    );
  }

  /** glfs_removexattr; glfs_lremovexattr with `follow: false`. @throws GlfsError ENODATA, EPERM */
  removexattr(path: Path, name: string, options?: FollowOptions): Promise<void> {
    return this.onPath('removexattr', path, options, options?.follow ?? true, (call, { loc }) =>
      removexattr(call, { loc }, name),
    );
  }

  /** The POSIX ACL, or undefined where there is none beyond the permission bits (glfs_h_acl_get). */
  getAcl(path: Path, type: AclType = 'access', options?: CallOptions): Promise<AclEntry[] | undefined> {
    return this.onPath('getacl', path, options, true, (call, { loc }) => getAcl(call, { loc }, type));
  }

  /** Sets the POSIX ACL, given as entries or as getfacl's text (glfs_h_acl_set). @throws GlfsError EINVAL, EACCES */
  setAcl(path: Path, acl: AclText, type: AclType = 'access', options?: CallOptions): Promise<void> {
    return this.onPath('setacl', path, options, true, (call, { loc }) => setAcl(call, { loc }, acl, type));
  }

  /** Removes the ACL; the permission bits stay. */
  removeAcl(path: Path, type: AclType = 'access', options?: CallOptions): Promise<void> {
    return this.onPath('removeacl', path, options, true, (call, { loc }) => removeAcl(call, { loc }, type));
  }

  /** One call on what a path leads to. */
  protected onPath<T>(
    syscall: string,
    path: Path,
    options: CallOptions | undefined,
    follow: boolean,
    body: (call: Call, found: Found) => Promise<T>,
  ): Promise<T> {
    return this.call(syscall, path, options, (call) =>
      atPath(call, path, follow, (found) => body(call, found)),
    );
  }
}

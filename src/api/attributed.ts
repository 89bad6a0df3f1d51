import type { Inode } from '../graph/index.ts';
import { gfidToString } from '../protocol/gfid.ts';
import { type AclText, getAcl, removeAcl, setAcl } from './acl-calls.ts';
import { setAttributes, statOf, type Target, toStats } from './attributes.ts';
import type { Call } from './calls.ts';
import { type BigIntStats, type Stats, type Statx, toStatx } from './stats.ts';
import type {
  AclEntry,
  AclType,
  AttributeChanges,
  BigIntStatOptions,
  CallOptions,
  Change,
  SetxattrOptions,
  StatOptions,
  Time,
} from './types.ts';
import { getxattr, listxattr, removexattr, setxattr } from './xattrs.ts';

/** What open files, open directories and handles have in common: a file at hand, with attributes to read and set. */
export abstract class Attributed {
  abstract readonly inode: Inode;

  /** Runs one call on the file. */
  protected abstract run<T>(
    syscall: string,
    options: CallOptions | undefined,
    body: (call: Call, target: Target) => Promise<T>,
  ): Promise<T>;

  /** UUID of the file. */
  get gfid(): string {
    return gfidToString(this.inode.gfid);
  }

  /** Attributes as the servers have them now (glfs_fstat, glfs_h_stat, glfs_h_getattrs). @throws GlfsError ESTALE */
  stat(options: BigIntStatOptions): Promise<BigIntStats>;
  stat(options?: StatOptions): Promise<Stats>;
  stat(options?: StatOptions): Promise<Stats | BigIntStats> {
    return this.run('stat', options, async (call, target) =>
      toStats(call, await statOf(call, target), options),
    );
  }

  /** Attributes beyond stat, and which of them the servers know (struct glfs_stat). */
  statx(options?: CallOptions): Promise<Statx> {
    return this.run('statx', options, async (call, target) =>
      toStatx(await statOf(call, target), call.scope.device),
    );
  }

  /** Sets what is given at once (glfs_fsetattr, glfs_h_setattrs). @throws GlfsError EPERM, EINVAL, EROFS */
  setattr(changes: AttributeChanges, options?: CallOptions): Promise<Change> {
    return this.run('setattr', options, (call, target) => setAttributes(call, target, changes));
  }

  /** Permission bits, 0 to 0o7777 (glfs_fchmod). */
  async chmod(mode: number, options?: CallOptions): Promise<void> {
    await this.run('chmod', options, (call, target) => setAttributes(call, target, { mode }));
  }

  /** Owner and group; -1 leaves one as it is (glfs_fchown). @throws GlfsError EPERM */
  async chown(uid: number, gid: number, options?: CallOptions): Promise<void> {
    await this.run('chown', options, (call, target) => setAttributes(call, target, { uid, gid }));
  }

  /** Times of last access and change, to the nanosecond where they are bigints (glfs_futimens). */
  async utimes(atime: Time, mtime: Time, options?: CallOptions): Promise<void> {
    await this.run('utimes', options, (call, target) => setAttributes(call, target, { atime, mtime }));
  }

  /** An extended attribute's bytes (glfs_fgetxattr, glfs_h_getxattrs). @throws GlfsError ENODATA */
  getxattr(name: string, options?: CallOptions): Promise<Buffer> {
    return this.run('getxattr', options, (call, target) => getxattr(call, target, name));
  }

  /** glfs_fsetxattr, glfs_h_setxattrs. @throws GlfsError EPERM for internal attributes, EEXIST, ENODATA, E2BIG beyond 64 KiB */
  setxattr(
    name: string,
    value: string | Uint8Array,
    options?: Omit<SetxattrOptions, 'follow'>,
  ): Promise<void> {
    return this.run('setxattr', options, (call, target) =>
      setxattr(call, target, name, value, options?.mode),
    );
  }

  /** Names of the extended attributes, without GlusterFS's own (glfs_flistxattr). */
  listxattr(options?: CallOptions): Promise<string[]> {
    return this.run('listxattr', options, listxattr);
  }

  /** glfs_fremovexattr, glfs_h_removexattrs. @throws GlfsError ENODATA, EPERM */
  removexattr(name: string, options?: CallOptions): Promise<void> {
    return this.run('removexattr', options, (call, target) => removexattr(call, target, name));
  }

  /** The POSIX ACL, or undefined where there is none beyond the permission bits (glfs_h_acl_get). */
  getAcl(type: AclType = 'access', options?: CallOptions): Promise<AclEntry[] | undefined> {
    return this.run('getacl', options, (call, target) => getAcl(call, target, type));
  }

  /** Sets the POSIX ACL, given as entries or as getfacl's text (glfs_h_acl_set). @throws GlfsError EINVAL, EACCES */
  setAcl(acl: AclText, type: AclType = 'access', options?: CallOptions): Promise<void> {
    return this.run('setacl', options, (call, target) => setAcl(call, target, acl, type));
  }

  /** Removes the ACL; the permission bits stay. */
  removeAcl(type: AclType = 'access', options?: CallOptions): Promise<void> {
    return this.run('removeacl', options, (call, target) => removeAcl(call, target, type));
  }
}

import { GlfsError, isGlfsError } from '../errors.ts';
import { Fd, type Inode } from '../graph/index.ts';
import type { Gfid } from '../protocol/gfid.ts';
import { OpenFlag } from '../protocol/messages.ts';
import { copyBytes } from '../xdr/index.ts';
import { Attributed } from './attributed.ts';
import { access, changeOf, statfs, type Target, truncate } from './attributes.ts';
import { type Call, runCall, shown } from './calls.ts';
import { Directory } from './directory.ts';
import * as entries from './entries.ts';
import { File } from './file.ts';
import { bytesOf } from './file-contents.ts';
import { getLease, type Lease, type LeaseOptions, takeLease, unlockLease } from './leases.ts';
import { linkTarget } from './link-targets.ts';
import { inEncoding, nameOf } from './names.ts';
import { wireFlags } from './open-flags.ts';
import { openDirectory, openInode, openPath, unlessEnded } from './opening.ts';
import { atPathFrom, lookupInode } from './paths.ts';
import type { Scope, Step } from './scope.ts';
import { read, write } from './transfer.ts';
import { readResult, writeResult } from './transfer-results.ts';
import type {
  CallOptions,
  Change,
  EncodingOptions,
  FollowOptions,
  LeaseKind,
  MknodOptions,
  ModeOptions,
  OpendirOptions,
  OpenFlags,
  OpenOptions,
  Path,
  ReadResult,
  StatFs,
  WriteResult,
} from './types.ts';

/** A handle that nobody closed must not keep its inode in memory for ever. */
const forgotten = new FinalizationRegistry<Inode>((inode) => {
  inode.pins--;
});

function gone(cause: GlfsError): GlfsError {
  return new GlfsError('ESTALE', undefined, { fop: cause.fop, brick: cause.brick, cause });
}

/**
 * A file or directory by its gfid (glfs_object_t): it stays the same through renames. Calls on entries name them in the
 * directory that the handle stands for.
 */
export class Handle extends Attributed implements Disposable {
  private released = false;
  private readonly anonymous: Fd;

  constructor(
    private readonly scope: Scope,
    readonly inode: Inode,
  ) {
    super();
    this.anonymous = new Fd(inode, OpenFlag.RDWR, true);
    inode.pins++;
    forgotten.register(this, inode, this);
  }

  /** The 16 bytes by which `volume.fromHandle` finds the file again, in any process (glfs_h_extract_handle). */
  toBytes(): Gfid {
    return copyBytes(this.inode.gfid);
  }

  /** The file at a path that starts here; a link at its end is followed only if asked for (glfs_h_lookupat). @throws GlfsError ENOENT */
  lookup(path: Path, options?: FollowOptions): Promise<Handle> {
    return this.call('lookup', options, path, (call) =>
      atPathFrom(call, this.step, path, options?.follow ?? false, async ({ inode }) => this.handle(inode)),
    );
  }

  /** Opens the file (glfs_h_open). @throws GlfsError EISDIR, ESTALE */
  open(flags: OpenFlags = 'r', options?: CallOptions): Promise<File> {
    return this.call('open', options, undefined, async (call) => {
      const opened = await openInode(call, { inode: this.inode }, wireFlags(flags));
      return unlessEnded(call, new File(this.scope, opened, this.label));
    });
  }

  /** glfs_h_opendir. @throws GlfsError ENOTDIR */
  opendir(options?: OpendirOptions): Promise<Directory> {
    return this.call('opendir', options, undefined, async (call) => {
      const opened = await openDirectory(call, { inode: this.inode });
      return unlessEnded(call, new Directory(this.scope, opened, this.label, this.handle, options));
    });
  }

  /** Makes, or opens, a file of this directory (glfs_h_creat_open). Default flags: `'wx'`. @throws GlfsError EEXIST */
  create(
    name: Path,
    flags: OpenFlags = 'wx',
    options?: OpenOptions,
  ): Promise<{ handle: Handle; file: File }> {
    return this.call('create', options, name, async (call) => {
      const wire = wireFlags(flags) | OpenFlag.CREAT;
      const opened = await openPath(call, name, wire, options?.mode ?? 0o666, this.step);
      const file = await unlessEnded(call, new File(this.scope, opened, shown(name)));
      return { handle: this.handle(file.inode), file };
    });
  }

  /** glfs_h_mkdir. @throws GlfsError EEXIST */
  mkdir(name: Path, options?: ModeOptions): Promise<Handle> {
    return this.making('mkdir', options, name, (call, text) =>
      entries.mkdir(call, this.directory, text, options?.mode),
    );
  }

  /** glfs_h_mknod. @throws GlfsError EEXIST, EPERM */
  mknod(name: Path, options?: MknodOptions): Promise<Handle> {
    return this.making('mknod', options, name, (call, text) =>
      entries.mknod(call, this.directory, text, options),
    );
  }

  /** glfs_h_symlink. @throws GlfsError EEXIST */
  symlink(name: Path, target: Path, options?: CallOptions): Promise<Handle> {
    return this.making('symlink', options, name, (call, text) =>
      entries.symlink(call, this.directory, text, target),
    );
  }

  /** Gives this file a further name in `directory` (glfs_h_link). @throws GlfsError EEXIST, EPERM for a directory */
  async link(directory: Handle, name: Path, options?: CallOptions): Promise<void> {
    await this.call('link', options, name, async (call) => {
      await directory.know(call);
      return entries.link(call, this.inode, directory.directory, nameOf(name));
    });
  }

  /** Removes a file of this directory (glfs_h_unlink). @throws GlfsError ENOENT, EISDIR */
  unlink(name: Path, options?: CallOptions): Promise<void> {
    return this.call('unlink', options, name, (call) => entries.unlink(call, this.directory, nameOf(name)));
  }

  /** Removes an empty directory of this one (glfs_h_unlink). @throws GlfsError ENOENT, ENOTDIR, ENOTEMPTY */
  rmdir(name: Path, options?: CallOptions): Promise<void> {
    return this.call('rmdir', options, name, (call) => entries.rmdir(call, this.directory, nameOf(name)));
  }

  /** Moves an entry of this directory to `directory` (glfs_h_rename). @throws GlfsError as rename(2) */
  rename(name: Path, directory: Handle, newName: Path, options?: CallOptions): Promise<void> {
    return this.call('rename', options, name, async (call) => {
      await directory.know(call);
      const from = { parent: this.directory, name: nameOf(name) };
      return entries.rename(call, from, { parent: directory.directory, name: nameOf(newName) });
    });
  }

  /** glfs_h_readlink. @throws GlfsError EINVAL where it is no link */
  readlink(options: EncodingOptions & { encoding: 'buffer' }): Promise<Buffer>;
  readlink(options?: EncodingOptions): Promise<string>;
  readlink(options?: EncodingOptions): Promise<string | Buffer> {
    return this.call('readlink', options, undefined, async (call) => {
      if (this.inode.type !== 'symlink') throw new GlfsError('EINVAL', 'not a symbolic link');
      return inEncoding(await linkTarget(call, this.inode), options?.encoding);
    });
  }

  /** glfs_h_truncate. `size` in bytes. @throws GlfsError EISDIR, EINVAL */
  truncate(size = 0, options?: CallOptions): Promise<Change> {
    return this.run('truncate', options, async (call, target) => {
      const { prestat, poststat } = await truncate(call, target, size);
      return changeOf(call, prestat, poststat);
    });
  }

  /** Reads without opening the file (glfs_h_anonymous_read); arguments and result as of `file.pread`. */
  read(size: number, position: number, options?: CallOptions): Promise<ReadResult<Buffer>>;
  read<B extends Uint8Array>(into: B, position: number, options?: CallOptions): Promise<ReadResult<B>>;
  read(into: Uint8Array | number, position: number, options?: CallOptions): Promise<ReadResult> {
    const buffer = typeof into === 'number' ? undefined : into;
    const size = typeof into === 'number' ? into : into.length;
    return this.call('read', options, undefined, async (call) =>
      readResult(await read(call, this.anonymous, position, size, buffer), this.scope.device, buffer),
    );
  }

  /** Writes without opening the file (glfs_h_anonymous_write); as `file.pwrite`. */
  write(data: Uint8Array | string, position: number, options?: CallOptions): Promise<WriteResult> {
    const bytes = bytesOf(data);
    return this.call('write', options, undefined, async (call) =>
      writeResult(await write(call, this.anonymous, position, [bytes]), bytes.length, this.scope.device),
    );
  }

  /** glfs_h_statfs */
  statfs(options?: CallOptions): Promise<StatFs> {
    return this.call('statfs', options, undefined, (call) => statfs(call, { inode: this.inode }));
  }

  /** `mode` of 4 read, 2 write, 1 execute (glfs_h_access). @throws GlfsError EACCES */
  access(mode: number, options?: CallOptions): Promise<void> {
    return this.call('access', options, undefined, (call) => access(call, { inode: this.inode }, mode));
  }

  /** Takes a lease (glfs_h_lease). @throws GlfsError EAGAIN, EOPNOTSUPP */
  lease(type: LeaseKind, options?: LeaseOptions): Promise<Lease> {
    const giveUp = (id: Uint8Array): Promise<void> =>
      this.call('lease', undefined, undefined, (call) => unlockLease(call, this.inode, type, id));
    return this.call('lease', options, undefined, (call) =>
      takeLease(call, this.inode, type, options, giveUp),
    );
  }

  /** The lease that the file has, if any. */
  getLease(options?: CallOptions & { id?: Uint8Array }): Promise<LeaseKind | undefined> {
    return this.call('lease', options, undefined, (call) => getLease(call, this.inode, options?.id));
  }

  /** Another handle of the same file (glfs_object_copy). */
  copy(): Handle {
    return this.handle(this.inode);
  }

  /** Lets the inode go (glfs_h_close). The handle itself stays usable, at the price of a lookup. Idempotent. */
  close(): void {
    if (this.released) return;
    this.released = true;
    this.inode.pins--;
    forgotten.unregister(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A handle that came with an upcall does not know of what type its file is. */
  private async know(call: Call): Promise<void> {
    if (this.inode.type === 'unknown') await lookupInode(call, this.inode);
  }

  private get label(): string {
    return `<gfid:${this.gfid}>`;
  }

  private get step(): Step {
    return { inode: this.directory, name: '', parent: undefined };
  }

  /** @throws GlfsError ENOTDIR */
  private get directory(): Inode {
    if (this.inode.type !== 'directory') throw new GlfsError('ENOTDIR');
    return this.inode;
  }

  private readonly handle = (inode: Inode): Handle => new Handle(this.scope, inode);

  private making(
    syscall: string,
    options: CallOptions | undefined,
    name: Path,
    make: (call: Call, name: string) => Promise<entries.Made>,
  ): Promise<Handle> {
    return this.call(syscall, options, name, async (call) =>
      this.handle((await make(call, nameOf(name))).inode),
    );
  }

  private call<T>(
    syscall: string,
    options: CallOptions | undefined,
    name: Path | undefined,
    body: (call: Call) => Promise<T>,
  ): Promise<T> {
    const path = name === undefined ? this.label : `${this.label}/${shown(name)}`;
    return runCall(this.scope, { syscall, path }, options, async (call) => {
      try {
        await this.know(call);
        return await body(call);
      } catch (error) {
        // A brick that still remembers a removed file says ENOENT of it; of a handle both mean the same.
        if (name === undefined && isGlfsError(error, 'ENOENT')) throw gone(error);
        throw error;
      }
    });
  }

  protected override run<T>(
    syscall: string,
    options: CallOptions | undefined,
    body: (call: Call, target: Target) => Promise<T>,
  ): Promise<T> {
    return this.call(syscall, options, undefined, (call) => body(call, { loc: { inode: this.inode } }));
  }
}

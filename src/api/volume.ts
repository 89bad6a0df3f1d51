import { GlfsError } from '../errors.ts';
import { Inode } from '../graph/index.ts';
import { gfidFromString, gfidToString } from '../protocol/gfid.ts';
import { copyBytes } from '../xdr/index.ts';
import { Attributed } from './attributed.ts';
import type { ConnectOptions, FromVolfileOptions } from './connect/connect.ts';
import type { FromBricksOptions } from './connect/from-bricks.ts';
import { withCredentials } from './credentials.ts';
import { Handle } from './handle.ts';
import { Healer } from './heal/healer.ts';
import type { Mount, VolumeInfo } from './mount.ts';
import { lookupInode } from './paths.ts';
import type { Scope, Step } from './scope.ts';
import type { CallOptions, Credentials, FollowOptions, GfidLike, Path } from './types.ts';
import { Upcalls } from './upcalls.ts';
import { VolumeFiles } from './volume-files.ts';

const GFID_BYTES = 16;

/**
 * A volume that is connected (glfs_t), or a view of it on behalf of others or from another directory. Paths are those of
 * the volume; names of calls, arguments and errors those of node:fs/promises where it has them.
 */
export class Volume extends VolumeFiles implements AsyncDisposable {
  private readonly owner: boolean;
  private closing: Promise<void> | undefined;

  /** As `connect`. @source glfs_new, glfs_init */
  static async connect(url: string, options?: ConnectOptions): Promise<Volume> {
    // Loaded when called: what connects makes volumes, and not the other way round.
    const { connect } = await import('./connect/connect.ts');
    return connect(url, options);
  }

  /** As `fromVolfile`: by the text of a volfile, or by a file's URL. @source glfs_set_volfile */
  static async fromVolfile(volfile: string | URL, options?: FromVolfileOptions): Promise<Volume> {
    const { fromVolfile } = await import('./connect/connect.ts');
    return fromVolfile(volfile, options);
  }

  /** As `fromBricks`: the files in brick directories of a volume that nobody serves, read-only. */
  static async fromBricks(directories: readonly string[], options?: FromBricksOptions): Promise<Volume> {
    const { fromBricks } = await import('./connect/from-bricks.ts');
    return fromBricks(directories, options);
  }

  /** For `connect`, and for whoever builds a Mount. */
  constructor(mount: Mount, info: VolumeInfo, view?: Scope) {
    super(mount, info, view);
    this.owner = view === undefined;
  }

  /** As it was connected to: `vol`, `vol/subdir`. */
  get name(): string {
    return this.scope.info.name;
  }

  /**
   * A view whose calls are made on behalf of others (glfs_setfsuid, glfs_setfsgid, glfs_setfsgroups, glfs_setfsleaseid). What
   * is opened by way of it keeps these credentials. Closing a view closes nothing. @throws GlfsError EINVAL
   */
  as(credentials: Credentials): Volume {
    return this.view(this.scope.with({ identity: withCredentials(this.scope.identity, credentials) }));
  }

  /**
   * A view whose relative paths start at a directory: a path, an open directory, or a handle (glfs_chdir, glfs_fchdir). `..`
   * leads out of it. @throws GlfsError ENOTDIR, ENOENT
   */
  at(where: Path | Attributed, options?: CallOptions): Promise<Volume> {
    if (where instanceof Attributed) {
      const step = { inode: where.inode, name: '', parent: undefined };
      return this.call('fchdir', `<gfid:${where.gfid}>`, options, async () => this.startingAt(step));
    }
    return this.onPath('chdir', where, options, true, async (_, { step }) => this.startingAt(step));
  }

  private startingAt(step: Step): Volume {
    if (step.inode.type !== 'directory') throw new GlfsError('ENOTDIR');
    return this.view(this.scope.with({ start: step }));
  }

  /** A handle of what a path leads to (glfs_h_lookupat without a parent). Links are followed unless `follow` is false. */
  handle(path: Path, options?: FollowOptions): Promise<Handle> {
    return this.onPath('lookup', path, options, options?.follow ?? true, async (_, { inode }) =>
      this.handleOf(inode),
    );
  }

  /**
   * A handle from the 16 bytes, or the UUID, of a file (glfs_h_create_from_handle). The file is looked up.
   * @throws GlfsError ESTALE where there is no such file any more, EINVAL
   */
  fromHandle(gfid: GfidLike, options?: CallOptions): Promise<Handle> {
    const label = typeof gfid === 'string' ? gfid : Buffer.from(gfid).toString('hex');
    return this.call('lookup', `<gfid:${label}>`, options, async (call) => {
      const bytes = typeof gfid === 'string' ? gfidFromString(gfid) : copyBytes(gfid);
      if (bytes.length !== GFID_BYTES) throw new GlfsError('EINVAL', `a handle has ${GFID_BYTES} bytes`);
      const { inode } = await lookupInode(call, new Inode(bytes));
      return this.handleOf(inode);
    });
  }

  /** What servers tell of changes by others and of recalled leases, from now on (glfs_upcall_register). */
  upcalls(): Upcalls {
    return new Upcalls(this.scope, this.handleOf);
  }

  /** What heals the copies of a replicated volume, and tells which need it (`gluster volume heal`). */
  healer(): Healer {
    return new Healer(this.scope);
  }

  /** UUID of the volume (glfs_get_volumeid). */
  async volumeId(): Promise<string> {
    return gfidToString(await this.scope.mount.volumeId());
  }

  /** Text of the volfile in force (glfs_get_volfile). */
  volfile(): string {
    return this.scope.mount.volfile();
  }

  /** State of all translators, inodes and open files, as plain data (glfs_sysrq with 's'). */
  statedump(): Record<string, unknown> {
    const { mount } = this.scope;
    const fds = [...mount.openFds].map(({ inode, flags, poisoned }) => ({
      gfid: gfidToString(inode.gfid),
      type: inode.type,
      flags,
      poisoned: poisoned?.message,
    }));
    let pinned = 0;
    for (const inode of mount.inodes) if (inode.pins > 0) pinned++;
    const inodes = { known: mount.inodes.size, pinned, names: mount.inodes.dentries.size };
    return { volume: this.name, translators: mount.dump(), inodes, fds };
  }

  /**
   * Closes what is still open, waits for what is under way and disconnects (glfs_fini). Idempotent.
   * @throws GlfsError of the first open file that could not be flushed; the volume is closed all the same.
   */
  close(): Promise<void> {
    if (!this.owner) return Promise.resolve();
    this.closing ??= this.disconnect();
    return this.closing;
  }

  private async disconnect(): Promise<void> {
    const closed = await Promise.allSettled([...this.scope.opened].map((opened) => opened.close()));
    await this.scope.changes.done();
    await this.scope.mount.close();
    const failures = closed.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as Error] : [],
    );
    const [first] = failures;
    if (first === undefined) return;
    const cause = failures.length === 1 ? first : new AggregateError(failures);
    throw first instanceof GlfsError ? first.with({ cause }) : first;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private view(scope: Scope): Volume {
    return new Volume(scope.mount, scope.info, scope);
  }

  private readonly handleOf = (inode: Inode): Handle => new Handle(this.scope, inode);
}

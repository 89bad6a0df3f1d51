import { closeSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import type { Fd, Loc, OptionValues } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { type Gfid, gfidEquals, gfidToString, NULL_GFID, ROOT_GFID } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { hostSyscalls, type Place, type Syscalls } from '../../../syscalls.ts';
import { encodeText } from '../../../xdr/index.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { PosixBrick } from './brick.ts';
import { type BrickLock, lockBrick } from './brick-lock.ts';
import { brickRoot, emptyUnlinked, openStore } from './brick-start.ts';
import { openDescriptor } from './files/index.ts';
import { Handles, HIDDEN } from './handles.ts';
import { hostError } from './host-error.ts';
import { toIatt } from './iatt.ts';
import { gfidAt, Landfill } from './landfill.ts';
import { OpenFiles } from './open-files.ts';
import type { options } from './options.ts';
import { openQuietly } from './quiet-read.ts';
import { readTimes, showTimes } from './times.ts';

/** Flags that an fd, once opened, is opened with no more. */
const ONCE = OpenFlag.CREAT | OpenFlag.EXCL | OpenFlag.TRUNC;

export interface BrickSetup {
  readonly name: string;
  readonly options: OptionValues<typeof options>;
  readonly log: Logger;
}

/** A directory that is served as a brick. */
export class BrickDirectory implements PosixBrick {
  readonly name: string;
  readonly options: OptionValues<typeof options>;
  readonly log: Logger;
  readonly handles: Handles;
  readonly fds: OpenFiles;
  readonly landfill: Landfill;
  private calls = 0;
  private readonly waking: (() => void)[] = [];

  private constructor(
    setup: BrickSetup,
    readonly root: Buffer,
    readonly store: AttributeStore,
    readonly host: Syscalls,
    private readonly lock: BrickLock | undefined,
  ) {
    ({ name: this.name, options: this.options, log: this.log } = setup);
    this.handles = new Handles(root, store, this.readOnly);
    this.fds = new OpenFiles(this, this.handles, store);
    this.landfill = new Landfill(this);
  }

  /**
   * Opens the brick and, unless it is opened for reading only, locks it.
   * @throws GlfsError ENOENT, ENOTDIR, EBUSY where another server has it, and what `openStore` throws
   */
  static async open(setup: BrickSetup): Promise<BrickDirectory> {
    const root = brickRoot(setup.options.directory);
    const readOnly = setup.options['read-only'];
    const lock = readOnly ? undefined : await lockBrick(root);
    try {
      const host = hostSyscalls();
      const store = openStore(root, setup.options, host);
      const brick = new BrickDirectory(setup, Buffer.from(root), store, host, lock);
      if (!readOnly) {
        emptyUnlinked(brick.root, store, brick.handles);
        brick.landfill.start();
      }
      return brick;
    } catch (error) {
      await lock?.release();
      throw hostError(error);
    }
  }

  /** Calls under way end first: their descriptors must stay theirs, and the next server's brick must be left alone. */
  async close(): Promise<void> {
    try {
      await this.landfill.close();
      await this.idle();
      this.fds.closeAll();
      this.handles.forgetPaths();
    } finally {
      await this.lock?.release();
    }
  }

  /** Runs a call; `close` waits for it. */
  async during<T>(call: () => Promise<T>): Promise<T> {
    this.calls++;
    try {
      return await call();
    } finally {
      this.calls--;
      if (this.calls === 0) for (const wake of this.waking.splice(0)) wake();
    }
  }

  private async idle(): Promise<void> {
    if (this.calls > 0) await new Promise<void>((resolve) => this.waking.push(resolve));
  }

  get readOnly(): boolean {
    return this.options['read-only'];
  }

  /* ---- paths ---- */

  pathOf(gfid: Gfid): Buffer {
    const path = this.handles.find(gfid);
    if (path === undefined) throw stale(gfid);
    return path;
  }

  entryOf(loc: Loc): Buffer {
    const { parent, name } = loc;
    if (parent === undefined || name === undefined || !parent.known)
      throw new GlfsError('EINVAL', 'the name of an entry, and its directory, are expected');
    const bytes = nameBytes(name);
    if (name === HIDDEN && gfidEquals(parent.gfid, ROOT_GFID))
      throw new GlfsError('EPERM', `${HIDDEN} is the brick's own`);
    const path = this.handles.entry(parent.gfid, bytes);
    if (path === undefined) throw stale(parent.gfid);
    return path;
  }

  placeOf(loc: Loc): Buffer {
    return loc.inode.known ? this.pathOf(loc.inode.gfid) : this.entryOf(loc);
  }

  /* ---- attributes ---- */

  gfidOf(place: Place): Gfid | undefined {
    return gfidAt(this.store, place as Buffer | number);
  }

  iatt(place: Place, gfid?: Gfid): Iatt {
    const stat = toIatt(this.store.stat(place), gfid ?? this.gfidOf(place) ?? NULL_GFID);
    return showTimes(stat, readTimes(this, place));
  }

  /* ---- open files ---- */

  openFile(path: Buffer, flags: number, mode?: number): number {
    return this.readOnly ? openQuietly(path, flags, openDescriptor) : openDescriptor(path, flags, mode);
  }

  keep(fd: Fd, gfid: Gfid, descriptor: number): void {
    this.fds.keep(fd, gfid, descriptor);
  }

  release(fd: Fd): void {
    this.fds.release(fd);
  }

  openCount(gfid: Gfid): number {
    return this.fds.count(gfid);
  }

  async withDescriptor<T>(fd: Fd, use: (descriptor: number) => Promise<T>): Promise<T> {
    const open = fd.get(this.fds);
    if (open === undefined) return this.withNewDescriptor(fd, use);
    open.users++;
    try {
      return await use(open.descriptor);
    } finally {
      open.users--;
      this.fds.settle(open);
    }
  }

  private async withNewDescriptor<T>(fd: Fd, use: (descriptor: number) => Promise<T>): Promise<T> {
    const path = this.pathOf(fd.inode.gfid);
    const access = this.readOnly ? OpenFlag.RDONLY : OpenFlag.RDWR;
    const directory = this.store.stat(path).isDirectory();
    const flags = directory
      ? OpenFlag.RDONLY | OpenFlag.DIRECTORY
      : fd.anonymous
        ? access
        : fd.flags & ~(ONCE | fd.withheld);
    return this.visit(fd.inode.gfid, this.openFile(path, flags), use);
  }

  /** Runs `use` with a descriptor of its own, and closes that. A file that is unlinked meanwhile stays until then. */
  async visit<T>(gfid: Gfid, descriptor: number, use: (descriptor: number) => Promise<T>): Promise<T> {
    this.fds.visited(gfid);
    try {
      return await use(descriptor);
    } finally {
      closeSync(descriptor);
      this.fds.left(gfid);
    }
  }
}

function stale(gfid: Gfid): GlfsError {
  return new GlfsError('ESTALE', `the brick has no file ${gfidToString(gfid)}`);
}

/** @throws GlfsError EINVAL for what is no name of an entry, ENAMETOOLONG */
export function nameBytes(name: string): Uint8Array {
  const bytes = encodeText(name);
  if (name === '' || name === '.' || name === '..' || bytes.includes(0x2f) || bytes.includes(0))
    throw new GlfsError('EINVAL', 'not a name of a directory entry');
  if (bytes.length > 255) throw new GlfsError('ENAMETOOLONG');
  return bytes;
}

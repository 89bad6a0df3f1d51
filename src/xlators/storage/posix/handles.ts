import {
  type BigIntStats,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import {
  type Gfid,
  gfidEquals,
  gfidFromString,
  gfidKey,
  gfidToString,
  newGfid,
  ROOT_GFID,
} from '../../../protocol/gfid.ts';
import type { AttributeStore } from './attribute-store.ts';

export const HIDDEN = '.glusterfs';
export const GFID_KEY = 'trusted.gfid';

/** A directory as its handle's chain of links led to it. */
interface Directory {
  readonly path: Buffer;
  readonly parent: Gfid;
  readonly name: Buffer;
  /** What the path led to then. */
  readonly ino: bigint;
  readonly dev: bigint;
  /** Directories between it and the root, itself included. */
  readonly depth: number;
  /** Descriptor by which its entries are reached, where paths get too long. */
  anchor?: number;
}

/** Most directories whose paths are remembered. */
const LIMIT = 65536;
/** PATH_MAX less a name and some more. */
const LONGEST_PATH = 3500;
/** Beyond that a path is too long for GlusterFS's bricks too (PATH_MAX); to follow one takes time from everybody. */
const DEEPEST = 4096;
/** Descriptors that are kept for long paths: whoever makes many shall not use up those of the process. */
const MOST_ANCHORS = 64;

/* Where a directory's handle points to: ../../<aa>/<bb>/<gfid of its parent>/<name>. */
const LINK = /^\.\.\/\.\.\/[0-9a-f]{2}\/[0-9a-f]{2}\/([0-9a-f-]{36})\/([^/]+)$/s;

/** lstat(2), or `undefined` where there is nothing. */
export function lookAt(path: Buffer): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

export function joined(directory: Buffer, name: Uint8Array | string): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), typeof name === 'string' ? Buffer.from(name) : name]);
}

/**
 * The farm of handles below .glusterfs, by which files are found by gfid: <aa>/<bb>/<gfid> is a hard link of a file, and a
 * symbolic link (see LINK) for a directory. Paths of directories are followed here and not by the kernel, which stops at 40
 * links; those too long for it go by way of an open descriptor.
 */
export class Handles {
  private readonly directories = new Map<string, Directory>();
  private anchors = 0;
  private tooManyAnchors = false;

  constructor(
    private readonly root: Buffer,
    private readonly store: AttributeStore,
    private readonly readOnly: boolean,
  ) {}

  /** Where the handle of a gfid is, or would be. */
  handleOf(gfid: Gfid): Buffer {
    const id = gfidToString(gfid);
    return joined(this.root, `${HIDDEN}/${id.slice(0, 2)}/${id.slice(2, 4)}/${id}`);
  }

  /** Where the handle of a file is that was unlinked while it was open. */
  unlinkedOf(gfid: Gfid): Buffer {
    return joined(this.root, `${HIDDEN}/unlink/${gfidToString(gfid)}`);
  }

  /** Path of the file with that gfid, `undefined` where there is none. */
  find(gfid: Gfid): Buffer | undefined {
    if (gfidEquals(gfid, ROOT_GFID)) return this.root;
    const known = this.remembered(gfid);
    if (known !== undefined) return known.path;
    const handle = this.handleOf(gfid);
    const stat = lookAt(handle);
    if (stat !== undefined && !isLink(stat)) return handle;
    if (stat === undefined) {
      const unlinked = this.unlinkedOf(gfid);
      return lookAt(unlinked) === undefined ? undefined : unlinked;
    }
    // A symbolic link of clients' has a name besides its handle.
    return stat.nlink > 1n ? handle : this.resolve(gfid)?.path;
  }

  /** Path of a directory, to which names may be appended. @throws GlfsError ENOTDIR where the gfid is another file's. */
  findDirectory(gfid: Gfid): Buffer | undefined {
    if (gfidEquals(gfid, ROOT_GFID)) return this.root;
    const known = this.remembered(gfid) ?? this.resolve(gfid);
    if (known !== undefined) return known.path;
    if (this.find(gfid) !== undefined) throw new GlfsError('ENOTDIR');
    return undefined;
  }

  /** gfid of the directory above; the root's is its own. */
  parentOf(gfid: Gfid): Gfid | undefined {
    if (gfidEquals(gfid, ROOT_GFID)) return ROOT_GFID;
    return (this.remembered(gfid) ?? this.resolve(gfid))?.parent;
  }

  /** Path of an entry of a directory, short enough for the kernel. */
  entry(directory: Gfid, name: Uint8Array): Buffer | undefined {
    const path = this.findDirectory(directory);
    if (path === undefined) return undefined;
    if (path.length + name.length < LONGEST_PATH) return joined(path, name);
    const known = this.directories.get(gfidKey(directory));
    if (known === undefined) throw new GlfsError('ENAMETOOLONG');
    if (known.anchor === undefined) this.hold(known);
    return joined(Buffer.from(`/proc/self/fd/${known.anchor}`), name);
  }

  /** Opens a directory for paths below it. Where there are too many, all are closed, once nobody uses a path of them. */
  private hold(directory: Directory): void {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    directory.anchor = openSync(directory.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    this.anchors++;
    if (this.anchors <= MOST_ANCHORS || this.tooManyAnchors) return;
    this.tooManyAnchors = true;
    setImmediate(() => this.forgetPaths());
  }

  private drop({ anchor }: Directory): void {
    if (anchor === undefined) return;
    this.anchors--;
    // Not at once: whoever has a path by way of it may use that until the end of its step.
    setImmediate(() => closeSync(anchor));
  }

  /* ---- making and removing ---- */

  /** Gives a file that is no directory its handle. @throws EEXIST where the gfid has one. */
  linkFile(path: Buffer, gfid: Gfid): void {
    this.withFolder(gfid, (handle) => linkSync(path, handle));
  }

  /** Gives a directory its handle, or points the one that it has elsewhere, in one step. */
  linkDirectory(gfid: Gfid, parent: Gfid, name: Uint8Array): void {
    if (lookAt(this.handleOf(gfid)) !== undefined) {
      this.relinkDirectory(gfid, parent, name).commit();
      return;
    }
    this.withFolder(gfid, (handle) => symlinkSync(targetOf(parent, name), handle));
    this.forget(gfid);
  }

  /** Makes ready to point a directory's handle elsewhere: what may be refused for want of space is done here. */
  relinkDirectory(gfid: Gfid, parent: Gfid, name: Uint8Array): { commit(): void; abandon(): void } {
    // In the landfill, because that is emptied at the next start, should this be the last act.
    const temporary = joined(this.root, `${HIDDEN}/landfill/${gfidToString(newGfid())}`);
    symlinkSync(targetOf(parent, name), temporary);
    return {
      commit: () => {
        this.withFolder(gfid, (handle) => renameSync(temporary, handle));
        this.forget(gfid);
      },
      abandon: () => unlinkSync(temporary),
    };
  }

  /** Makes the handle by `make`, and the folders that it lies in where they are missing. */
  withFolder<T>(gfid: Gfid, make: (handle: Buffer) => T): T {
    const handle = this.handleOf(gfid);
    try {
      return make(handle);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    }
    const id = gfidToString(gfid);
    const folder = joined(this.root, `${HIDDEN}/${id.slice(0, 2)}/${id.slice(2, 4)}`);
    if (lookAt(folder) !== undefined) return make(handle);
    mkdirSync(folder.toString('utf8'), { recursive: true, mode: 0o700 });
    return make(handle);
  }

  /** A directory is gone. Its handle goes where it pointed to that entry. */
  unlinkDirectory(gfid: Gfid, parent: Gfid, name: Uint8Array): void {
    this.forget(gfid);
    const link = this.linkOf(gfid);
    if (link === undefined || !gfidEquals(link.parent, parent) || !link.name.equals(name)) return;
    unlinkSync(this.handleOf(gfid));
  }

  /** After a directory was renamed: paths below it are no longer true. */
  forgetPaths(): void {
    for (const directory of this.directories.values()) this.drop(directory);
    this.directories.clear();
    this.tooManyAnchors = false;
  }

  private forget(gfid: Gfid): void {
    const known = this.directories.get(gfidKey(gfid));
    if (known !== undefined) this.drop(known);
    this.directories.delete(gfidKey(gfid));
  }

  /* ---- following ---- */

  /**
   * What was found before, while it is still the same directory: whoever put something else in its way, a symbolic link to
   * elsewhere say, must not have calls go there.
   */
  private remembered(gfid: Gfid): Directory | undefined {
    const key = gfidKey(gfid);
    const known = this.directories.get(key);
    if (known === undefined) return undefined;
    const stat = lookAt(known.path);
    if (stat?.isDirectory() === true && stat.ino === known.ino && stat.dev === known.dev) return known;
    this.directories.delete(key);
    // A path of the same call may go by way of it.
    setImmediate(() => this.drop(known));
    return undefined;
  }

  private resolve(gfid: Gfid): Directory | undefined {
    const chain: { gfid: Gfid; parent: Gfid; name: Buffer }[] = [];
    const seen = new Set<string>();
    let depth: number | undefined;
    for (let at = gfid; depth === undefined; ) {
      const known = this.remembered(at);
      if (gfidEquals(at, ROOT_GFID)) depth = 0;
      else if (known !== undefined) depth = known.depth;
      else {
        const link = this.linkOf(at);
        if (link === undefined || seen.has(gfidKey(at))) return undefined;
        seen.add(gfidKey(at));
        chain.push({ gfid: at, ...link });
        at = link.parent;
      }
      if ((depth ?? 0) + chain.length > DEEPEST) throw new GlfsError('ENAMETOOLONG', 'a directory too deep');
    }
    if (this.directories.size + chain.length > LIMIT) {
      this.forgetPaths();
      return this.resolve(gfid);
    }
    let found: Directory | undefined;
    for (const step of chain.reverse()) {
      const path = this.entry(step.parent, step.name);
      const stat = path === undefined ? undefined : this.directoryAt(path, step.gfid);
      if (path === undefined || stat === undefined) return undefined;
      const { ino, dev } = stat;
      found = { path, parent: step.parent, name: step.name, ino, dev, depth: ++depth };
      this.directories.set(gfidKey(step.gfid), found);
    }
    return found;
  }

  /** A handle may be older than what bears its directory's name now: after a crash, or where others changed the brick. */
  private directoryAt(path: Buffer, gfid: Gfid): BigIntStats | undefined {
    const stat = lookAt(path);
    if (stat === undefined || !stat.isDirectory()) return undefined;
    const own = this.store.get(path, GFID_KEY);
    return own?.length === 16 && gfidEquals(own, gfid) ? stat : undefined;
  }

  private linkOf(gfid: Gfid): { parent: Gfid; name: Buffer } | undefined {
    const handle = this.handleOf(gfid);
    const stat = lookAt(handle);
    if (stat === undefined || !isLink(stat) || stat.nlink > 1n) return undefined;
    const target = readlinkSync(handle, { encoding: 'buffer' });
    const match = LINK.exec(target.toString('latin1'));
    if (match === null) return undefined;
    return { parent: gfidFromString(match[1]!), name: Buffer.from(match[2]!, 'latin1') };
  }

  /** Removes the handle of a gfid that no file has: what a crash, or a removal behind our back, left. */
  dropStale(gfid: Gfid): boolean {
    if (this.readOnly) return false;
    const handle = this.handleOf(gfid);
    const stat = lookAt(handle);
    if (stat === undefined) return true;
    if (stat.nlink > 1n || (isLink(stat) && this.resolve(gfid) !== undefined)) return false;
    this.store.forget(handle);
    unlinkSync(handle);
    return true;
  }
}

/** Where the handle of a directory points to. */
function targetOf(parent: Gfid, name: Uint8Array): Buffer {
  const id = gfidToString(parent);
  return Buffer.concat([Buffer.from(`../../${id.slice(0, 2)}/${id.slice(2, 4)}/${id}/`, 'latin1'), name]);
}

function isLink(stat: BigIntStats): boolean {
  return stat.isSymbolicLink();
}

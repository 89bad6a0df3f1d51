import type { DirectoryEntry } from '../graph/index.ts';
import type { FileType } from '../protocol/iatt.ts';
import type { Handle } from './handle.ts';
import { Stats } from './stats.ts';

/** An entry of a directory, as node:fs has it, with what GlusterFS tells beyond that. */
export class Dirent {
  readonly name: string;
  /** The directory that was listed. */
  readonly parentPath: string;
  /** `'unknown'` where the bricks' file systems don't tell types in listings. */
  readonly type: FileType;
  /** Inode number: the last eight bytes of the gfid. */
  readonly ino: bigint;
  /** Where a listing goes on behind this entry: for `directory.seek`. */
  readonly offset: bigint;

  constructor(entry: DirectoryEntry, parentPath: string) {
    this.name = entry.name;
    this.parentPath = parentPath;
    this.type = entry.type;
    this.ino = entry.ino;
    this.offset = entry.offset;
  }

  isFile(): boolean {
    return this.type === 'file';
  }
  isDirectory(): boolean {
    return this.type === 'directory';
  }
  isSymbolicLink(): boolean {
    return this.type === 'symlink';
  }
  isFIFO(): boolean {
    return this.type === 'fifo';
  }
  isSocket(): boolean {
    return this.type === 'socket';
  }
  isBlockDevice(): boolean {
    return this.type === 'block';
  }
  isCharacterDevice(): boolean {
    return this.type === 'character';
  }
}

/** An entry with its attributes (glfs_readdirplus, glfs_xreaddirplus). */
export class DirentPlus extends Dirent {
  /** Absent where the entry vanished while it was listed. */
  readonly stats: Stats | undefined;
  private readonly toHandle: () => Handle | undefined;

  constructor(
    entry: DirectoryEntry,
    parentPath: string,
    more: { device: number; handle: () => Handle | undefined },
  ) {
    super(entry, parentPath);
    this.stats = entry.stat === undefined ? undefined : new Stats(entry.stat, more.device);
    this.toHandle = more.handle;
  }

  /** The entry's file as a handle, to be closed by the caller (glfs_xreaddirplus_get_object). Undefined as `stats` is. */
  handle(): Handle | undefined {
    return this.toHandle();
  }
}

import type { CallContext, Fd, Inode, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import { emptyIatt, type Iatt, isRegular } from '../../../protocol/iatt.ts';
import { askingAll, decodeBlockSize, decodeFileSize, type FileSize } from './attributes.ts';

/** A call's file: by the fd where it has one, since a file without a name is found by that alone. */
export interface Target {
  readonly inode: Inode;
  readonly fd?: Fd;
}

/** What is known of one file. */
export class FileState implements FileSize {
  /** Bytes of a block; 0: the file is not sharded. */
  blockSize = 0;
  /**
   * Bytes, and units of 512 bytes, as last heard of. Exact while this client holds the lock of sizes (size-lock.ts); other clients
   * may have changed them otherwise.
   */
  size = 0;
  blocks = 0;
  /** Of block 0, as a brick gave it last. */
  base: Iatt = emptyIatt();
  /** When a block that is not block 0 was last written by this client, and block 0 doesn't tell yet. */
  written: Iatt | undefined;
  /** Changes of the size under way. */
  changing = 0;
  /** Counts changes of the size by this client: what was asked before one says nothing after it. */
  version = 0;
  /** This client has the lock of sizes. */
  held = false;
  /** Its last name was removed by this client. */
  unlinked = false;
  /** It has grown since its marker was written. */
  outgrown = false;

  constructor(readonly gfid: Gfid) {}

  get sharded(): boolean {
    return this.blockSize > 0;
  }

  /** Nothing is lost when it is forgotten. */
  get idle(): boolean {
    return !this.held && this.changing === 0 && this.written === undefined && !this.outgrown;
  }
}

const LIMIT = 65_536;
const NOT_SHARDED = new FileState(new Uint8Array(16));

/** What is known of files, by gfid: an inode object may be exchanged for another of the same file at any time. */
export class Files {
  /** Least recently used first. */
  private readonly states = new Map<string, FileState>();

  constructor(private readonly child: Subvolume) {}

  get size(): number {
    return this.states.size;
  }

  [Symbol.iterator](): IterableIterator<FileState> {
    return this.states.values();
  }

  known(gfid: Gfid): FileState | undefined {
    return this.states.get(gfidKey(gfid));
  }

  /** For what a reply will tell; see `learn`. */
  versionOf(gfid: Gfid): number {
    return this.known(gfid)?.version ?? 0;
  }

  /** The file that a call is about; asked for where it has not been seen. Anything but a regular file is not sharded. */
  async of(target: Target, context: CallContext): Promise<FileState> {
    const { inode, fd } = target;
    if (inode.type !== 'file' && inode.type !== 'unknown') return NOT_SHARDED;
    const key = gfidKey(inode.gfid);
    const known = this.states.get(key);
    if (known !== undefined) {
      this.states.delete(key);
      this.states.set(key, known);
      return known;
    }
    const { stat, xdata } = await this.ask({ inode, fd }, askingAll(), context);
    return this.learn(stat, xdata, 0) ?? NOT_SHARDED;
  }

  /** STAT or FSTAT of block 0. */
  ask({ inode, fd }: Target, xdata: Dict, context: CallContext): Promise<{ stat: Iatt; xdata?: Dict }> {
    return fd !== undefined
      ? this.child.fstat({ fd, xdata }, context)
      : this.child.stat({ loc: { inode }, xdata }, context);
  }

  /** Takes over what a reply says that was asked for everything. Undefined for what is no regular file. */
  learn(stat: Iatt, xdata: Dict | undefined, asked: number): FileState | undefined {
    if (!isRegular(stat)) return undefined;
    const state = this.intern(stat.gfid);
    // Once sharded, always sharded: that an answer lacks the attribute would be a fault below.
    if (!state.sharded) state.blockSize = decodeBlockSize(xdata);
    this.learnSize(state, stat, decodeFileSize(xdata), asked);
    return state;
  }

  /** `asked`: the version when the question went out. */
  learnSize(state: FileState, stat: Iatt, found: FileSize | undefined, asked: number): void {
    state.base = stat;
    if (found === undefined) return;
    state.blocks = found.blocks;
    if (state.changing === 0 && state.version === asked) state.size = found.size;
  }

  /** A file that this client has just made. */
  made(stat: Iatt, blockSize: number): void {
    const state = this.intern(stat.gfid);
    state.blockSize = blockSize;
    state.base = stat;
  }

  private intern(gfid: Gfid): FileState {
    const key = gfidKey(gfid);
    const known = this.states.get(key);
    const state = known ?? new FileState(new Uint8Array(gfid));
    if (known !== undefined) this.states.delete(key);
    this.states.set(key, state);
    if (this.states.size > LIMIT) this.evict();
    return state;
  }

  private evict(): void {
    for (const [key, state] of this.states) {
      if (!state.idle) continue;
      this.states.delete(key);
      return;
    }
  }
}

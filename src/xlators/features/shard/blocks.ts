import { isGlfsError } from '../../../errors.ts';
import { asRoot, type CallContext, detached, Inode, type Loc, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { gfidKey, newGfid } from '../../../protocol/gfid.ts';
import { S_IFREG } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import type { Directories } from './directories.ts';
import type { FileState } from './files.ts';
import { blockName } from './names.ts';

/** A block is made, found missing, and made again by somebody who truncates and writes: so often at most. */
const TRIES = 5;

/**
 * Where the blocks of files are, from block 1 on. A block that is missing is a hole; that is never remembered, since any client
 * may make it at any time.
 */
export class Blocks {
  /** Least recently used first. */
  private readonly inodes = new Map<string, Inode>();
  private readonly asking = new Map<string, Promise<Inode | undefined>>();

  constructor(
    private readonly child: Subvolume,
    private readonly directories: Directories,
    private readonly limit: number,
  ) {}

  get size(): number {
    return this.inodes.size;
  }

  known(file: FileState, index: number): Inode | undefined {
    const key = keyOf(file, index);
    const inode = this.inodes.get(key);
    if (inode === undefined) return undefined;
    this.inodes.delete(key);
    this.inodes.set(key, inode);
    return inode;
  }

  /** Undefined for a hole. */
  async find(file: FileState, index: number, context: CallContext): Promise<Inode | undefined> {
    return this.known(file, index) ?? this.once(file, index, () => this.lookUp(file, index, context));
  }

  /** Makes the block where it is missing. */
  async make(file: FileState, index: number, context: CallContext): Promise<Inode> {
    for (let tries = 1; ; tries++) {
      const there = await this.find(file, index, context);
      if (there !== undefined) return there;
      const made = await this.once(file, index, () => this.create(file, index, context, tries));
      if (made !== undefined) return made;
    }
  }

  /** It is gone, or another file by now. */
  forget(file: FileState, index: number): void {
    this.inodes.delete(keyOf(file, index));
  }

  /** How a block is named; `parent` is the directory of blocks. Undefined where there is none. */
  async locate(file: FileState, index: number, context: CallContext): Promise<Loc | undefined> {
    const inode = await this.find(file, index, context);
    const parent = await this.directories.shard.find(context);
    return inode && parent && { inode, parent, name: blockName(file.gfid, index) };
  }

  private async lookUp(file: FileState, index: number, context: CallContext): Promise<Inode | undefined> {
    const parent = await this.directories.shard.find(context);
    if (parent === undefined) return undefined;
    const inode = new Inode();
    const loc = { inode, parent, name: blockName(file.gfid, index) };
    try {
      const { stat } = await this.child.lookup({ loc, flags: 0 }, internal(context));
      inode.learn(stat);
      return this.remember(file, index, inode);
    } catch (error) {
      if (isGlfsError(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Undefined where somebody else was faster. Blocks are root's, with the mode that the file has then. */
  private async create(
    file: FileState,
    index: number,
    context: CallContext,
    tries: number,
  ): Promise<Inode | undefined> {
    const parent = await this.directories.shard.make(context);
    const inode = new Inode();
    const loc = { inode, parent, name: blockName(file.gfid, index) };
    const mode = S_IFREG | (file.base.mode & 0o7777);
    const xdata = new Dict().set(keys.gfidRequest, newGfid());
    try {
      const { stat } = await this.child.mknod({ loc, dev: 0n, mode, umask: 0, xdata }, internal(context));
      inode.learn(stat);
      return this.remember(file, index, inode);
    } catch (error) {
      if (tries < TRIES && isGlfsError(error, 'EEXIST')) return undefined;
      throw error;
    }
  }

  /** Calls of this client that need one block at the same time ask once. */
  private once(
    file: FileState,
    index: number,
    ask: () => Promise<Inode | undefined>,
  ): Promise<Inode | undefined> {
    const key = keyOf(file, index);
    const before = this.asking.get(key);
    if (before !== undefined) return before;
    const answer = ask().finally(() => this.asking.delete(key));
    this.asking.set(key, answer);
    return answer;
  }

  private remember(file: FileState, index: number, inode: Inode): Inode {
    const key = keyOf(file, index);
    this.inodes.delete(key);
    this.inodes.set(key, inode);
    if (this.inodes.size > this.limit) this.inodes.delete(this.inodes.keys().next().value!);
    return inode;
  }
}

function keyOf(file: FileState, index: number): string {
  return `${gfidKey(file.gfid)}${index}`;
}

/** As root, whose the blocks are; not ended by a caller, since others may wait for the same answer. */
function internal(context: CallContext): CallContext {
  return asRoot(detached(context));
}

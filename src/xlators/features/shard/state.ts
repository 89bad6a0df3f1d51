import { GlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  type Environment,
  Fd,
  type Inode,
  type OptionValues,
  type Subvolume,
} from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { askingSize, decodeFileSize, type FileSize } from './attributes.ts';
import { Blocks } from './blocks.ts';
import { Directories } from './directories.ts';
import { DirtyBlocks } from './dirty-blocks.ts';
import { type FileState, Files, type Target } from './files.ts';
import { Locks } from './locks.ts';
import type { options } from './options.ts';
import { SizeLocks } from './size-lock.ts';

/** Flags of an fd that hold for the blocks, too: O_SYNC, O_DSYNC, O_DIRECT. */
const LASTING = OpenFlag.SYNC | 0o4_000_000 | OpenFlag.DIRECT;

interface Setup {
  readonly name: string;
  readonly child: Subvolume;
  readonly options: OptionValues<typeof options>;
  readonly environment: Environment;
}

/** What the operations of one features/shard have in common. */
export class ShardState {
  readonly name: string;
  readonly child: Subvolume;
  readonly options: OptionValues<typeof options>;
  readonly log: Logger;
  readonly files: Files;
  readonly directories: Directories;
  readonly blocks: Blocks;
  readonly locks: Locks;
  readonly sizeLocks: SizeLocks;
  readonly dirty: DirtyBlocks;

  constructor({ name, child, options, environment }: Setup) {
    this.name = name;
    this.child = child;
    this.options = options;
    this.log = environment.logger;
    this.files = new Files(child);
    this.directories = new Directories(child);
    this.blocks = new Blocks(child, this.directories, options['shard-lru-limit']);
    this.locks = new Locks(child, name, environment.logger);
    this.sizeLocks = new SizeLocks(this.locks, (file, target, context) =>
      this.refresh(file, target, context),
    );
    const key = `${name} of ${environment.volume} for ${environment.scope ?? ''}`;
    this.dirty = environment.share(`features/shard: ${key}`, () => new DirtyBlocks());
  }

  /**
   * The size as the bricks have it now.
   * @throws GlfsError EIO where the file lost it
   */
  async refresh(file: FileState, target: Target, context: CallContext): Promise<FileSize> {
    const asked = file.version;
    const { stat, xdata } = await this.files.ask(target, askingSize(), asRoot(context));
    const found = decodeFileSize(xdata);
    if (found === undefined) throw this.lost();
    this.files.learnSize(file, stat, found, asked);
    return found;
  }

  lost(): GlfsError {
    return new GlfsError('EIO', 'the size of the sharded file is missing', { translator: this.name });
  }

  /**
   * The fd for a block of an open file. Block 0 goes by the caller's own, unless that appends: its brick would write behind
   * the end of block 0, which is not that of the file.
   */
  fdOf(index: number, block: Inode, fd: Fd): Fd {
    if (index === 0 && (fd.flags & OpenFlag.APPEND) === 0) return fd;
    return new Fd(block, OpenFlag.RDWR | (fd.flags & LASTING), true);
  }

  /** Flags of a WRITE or READ of one block. */
  flagsOf(index: number, flags: number, fd: Fd): number {
    return index === 0 ? flags : (flags & ~OpenFlag.APPEND) | (fd.flags & LASTING);
  }
}

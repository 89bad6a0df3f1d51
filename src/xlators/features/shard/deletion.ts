import { isGlfsError, toGlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type DirectoryEntry,
  Fd,
  Inode,
  type Loc,
  rootContext,
} from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { type Gfid, gfidFromString } from '../../../protocol/gfid.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { askingAll, decodeBlockSize, decodeFileSize, unlinkedLookupKey } from './attributes.ts';
import { FileState } from './files.ts';
import { within } from './patience.ts';
import { lastBlock } from './pieces.ts';
import type { ShardState } from './state.ts';
import { removeBlocks } from './truncate.ts';

/** Milliseconds until files that were open still are looked at again, as GlusterFS's clients do. */
const AGAIN = 600_000;
/** Milliseconds that a client which closes gives a deletion that is under way. */
const PATIENCE = 10_000;
const LISTING_BYTES = 128 * 1024;

/**
 * Deletes the blocks of removed files in the background: those that this client has removed, and whatever others have left (at
 * the first lookup). Clients agree by the lock of a marker's name: who doesn't get it leaves the file to the other.
 */
export class Deletion {
  private running: Promise<void> | undefined;
  private again = false;
  private first = true;
  private stopping = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly state: ShardState) {}

  /** At a lookup: the first one begins what earlier clients have left. */
  looked(): void {
    if (!this.first) return;
    this.first = false;
    this.start();
  }

  start(): void {
    if (this.stopping) return;
    this.first = false;
    this.again = true;
    this.running ??= this.run().finally(() => {
      this.running = undefined;
      if (this.again) this.start();
    });
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** What is not done by then is left to others. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    await within(PATIENCE, this.idle());
    this.stopping = true;
    // A brick that doesn't answer must not hold up whoever closes.
    await within(PATIENCE, this.idle());
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    clearTimeout(this.timer);
    try {
      while (this.again && !this.stopping) {
        this.again = false;
        if (await this.pass()) this.later();
      }
    } catch (error) {
      if (!isGlfsError(error, 'EROFS')) this.log(error, 'blocks of removed files stay');
    }
  }

  private later(): void {
    if (this.stopping) return;
    this.timer = setTimeout(() => this.start(), AGAIN);
    this.timer.unref();
  }

  /** @returns whether markers are left. */
  private async pass(): Promise<boolean> {
    const context = rootContext();
    const { directories } = this.state;
    const removeMe = await directories.removeMe.find(context);
    if (removeMe === undefined) return false;
    let left = false;
    for (const name of await this.markers(removeMe, context)) {
      if (this.stopping) return true;
      if (!(await this.deleteFile(removeMe, name, context))) left = true;
    }
    return left;
  }

  private async markers(removeMe: Inode, context: CallContext): Promise<string[]> {
    const { child } = this.state;
    const fd = new Fd(removeMe, OpenFlag.RDONLY | OpenFlag.DIRECTORY);
    await child.opendir({ loc: { inode: removeMe }, fd }, context);
    try {
      const names: string[] = [];
      for (let offset = 0n; ; ) {
        const { entries } = await child.readdir({ fd, offset, size: LISTING_BYTES }, context);
        if (entries.length === 0) return names;
        names.push(...entries.map(({ name }: DirectoryEntry) => name));
        offset = entries.at(-1)!.offset;
      }
    } finally {
      await child.releasedir({ fd }, context).catch(() => {});
    }
  }

  /** @returns whether nothing is left to do. */
  private async deleteFile(removeMe: Inode, name: string, context: CallContext): Promise<boolean> {
    const gfid = gfidOf(name);
    if (gfid === undefined) return true;
    try {
      if (await this.isThere(gfid, context)) return false;
      const lock = await this.state.locks.entry(removeMe, name, context, false);
      try {
        return await this.deleteMarked({ inode: new Inode(), parent: removeMe, name }, gfid, context);
      } finally {
        await lock.drop();
      }
    } catch (error) {
      // Bricks of a snapshot, or read offline: what is left there stays.
      if (isGlfsError(error, 'EROFS')) throw error;
      if (!isGlfsError(error, 'EAGAIN')) this.log(error, `blocks of ${name} stay`);
      return false;
    }
  }

  private async deleteMarked(marker: Loc, gfid: Gfid, context: CallContext): Promise<boolean> {
    const { child, dirty } = this.state;
    let blockSize: number;
    let size: number | undefined;
    try {
      const { stat, xdata } = await child.lookup({ loc: marker, flags: 0, xdata: askingAll() }, context);
      marker.inode.learn(stat);
      blockSize = decodeBlockSize(xdata);
      size = decodeFileSize(xdata)?.size;
    } catch (error) {
      // Another client was faster.
      if (isGlfsError(error, 'ENOENT')) return true;
      throw error;
    }
    if (blockSize === 0 || size === undefined || (await this.isThere(gfid, context))) return false;
    const file = new FileState(gfid);
    file.blockSize = blockSize;
    if (!(await this.deleteBlocks(file, lastBlock(size, blockSize), context))) return false;
    dirty.take(gfid);
    await child.unlink({ loc: marker, xflags: 0 }, context);
    return true;
  }

  /** Upwards, as many at once as may be, and behind the end as long as there are any: left by a client that ended early. */
  private async deleteBlocks(file: FileState, last: number, context: CallContext): Promise<boolean> {
    const { blocks, options } = this.state;
    const rate = options['shard-deletion-rate'];
    for (let first = 1; first <= last; first += rate) {
      if (this.stopping) return false;
      const { failure } = await removeBlocks(
        this.state,
        file,
        first,
        Math.min(first + rate - 1, last),
        context,
      );
      if (failure !== undefined) throw failure;
    }
    for (let next = last + 1; (await blocks.find(file, next, context)) !== undefined; next++) {
      const { failure } = await removeBlocks(this.state, file, next, next, context);
      if (failure !== undefined) throw failure;
    }
    return true;
  }

  /** Has a name still, or is open somewhere. */
  private async isThere(gfid: Gfid, context: CallContext): Promise<boolean> {
    const xdata = new Dict().set(unlinkedLookupKey, 1);
    try {
      await this.state.child.lookup({ loc: { inode: new Inode(gfid) }, flags: 0, xdata }, context);
      return true;
    } catch (error) {
      if (isGlfsError(error, 'ENOENT', 'ESTALE')) return false;
      throw error;
    }
  }

  private log(thrown: unknown, message: string): void {
    const error = toGlfsError(thrown);
    this.state.log.warn({ translator: this.state.name, error }, message);
  }
}

function gfidOf(name: string): Gfid | undefined {
  try {
    return gfidFromString(name);
  } catch {
    return undefined;
  }
}

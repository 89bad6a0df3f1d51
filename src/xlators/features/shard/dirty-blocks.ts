import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';

/**
 * Which blocks have been written since they were last synced, by file. It outlives graphs: who has a file open across a change of the
 * volume's options syncs what was written before, too.
 */
export class DirtyBlocks {
  private count = 0;
  /** Those that were written last are at the end. */
  private readonly files = new Map<string, Map<string, Gfid>>();
  private readonly turns = new Map<string, Promise<void>>();

  add(file: Gfid, block: Gfid): void {
    const key = gfidKey(file);
    const blocks = this.files.get(key) ?? new Map<string, Gfid>();
    this.count -= blocks.size;
    blocks.set(gfidKey(block), block);
    this.count += blocks.size;
    this.files.delete(key);
    this.files.set(key, blocks);
  }

  /** Whoever takes them syncs them, or gives them back by `add`. */
  take(file: Gfid): Gfid[] {
    return this.remove(gfidKey(file));
  }

  /** A file that wasn't written for the longest time, where there are more than `limit` blocks in all. */
  oldest(limit: number): Gfid | undefined {
    const key = this.count > limit ? this.files.keys().next().value : undefined;
    return key === undefined ? undefined : new Uint8Array(Buffer.from(key, 'latin1'));
  }

  /** Runs `sync` when those of the same file have ended: what one has taken is not synced before that. */
  async inTurn<T>(file: Gfid, sync: () => Promise<T>): Promise<T> {
    const key = gfidKey(file);
    const before = this.turns.get(key);
    const mine = before === undefined ? sync() : before.then(sync);
    const ended = mine.then(nothing, nothing);
    this.turns.set(key, ended);
    try {
      return await mine;
    } finally {
      if (this.turns.get(key) === ended) this.turns.delete(key);
    }
  }

  private remove(key: string): Gfid[] {
    const blocks = [...(this.files.get(key)?.values() ?? [])];
    this.files.delete(key);
    this.count -= blocks.length;
    return blocks;
  }

  async close(): Promise<void> {
    this.files.clear();
    this.count = 0;
  }
}

function nothing(): void {}

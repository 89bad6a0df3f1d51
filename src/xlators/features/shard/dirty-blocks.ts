import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';

/**
 * Which blocks have been written since they were last synced, by file. It outlives graphs: who has a file open across a change of the
 * volume's options syncs what was written before, too.
 */
export class DirtyBlocks {
  private readonly files = new Map<string, Map<string, Gfid>>();

  add(file: Gfid, block: Gfid): void {
    const key = gfidKey(file);
    const blocks = this.files.get(key) ?? new Map<string, Gfid>();
    blocks.set(gfidKey(block), block);
    this.files.set(key, blocks);
  }

  /** Whoever takes them syncs them, or gives them back by `add`. */
  take(file: Gfid): Gfid[] {
    const key = gfidKey(file);
    const blocks = this.files.get(key);
    this.files.delete(key);
    return [...(blocks?.values() ?? [])];
  }

  /** The file is gone for good. */
  drop(file: Gfid): void {
    this.files.delete(gfidKey(file));
  }

  async close(): Promise<void> {
    this.files.clear();
  }
}

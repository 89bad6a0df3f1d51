import type { Inode } from '../../../graph/index.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import { FileLocks, type FileLocksHost } from './file-locks.ts';

/**
 * The files that have locks. They are found by gfid, not by inode object: two lookups of one file may have made two objects,
 * and a lock on the one must be seen by the other. An inode with locks is pinned.
 */
export class LockTable {
  private readonly files = new Map<string, FileLocks>();

  constructor(private readonly host: Omit<FileLocksHost, 'changed'>) {}

  get size(): number {
    return this.files.size;
  }

  get all(): FileLocks[] {
    return [...this.files.values()];
  }

  find(gfid: Gfid): FileLocks | undefined {
    return this.files.get(gfidKey(gfid));
  }

  /** Runs `use` with the locks of a file, which are forgotten afterwards where there are none. */
  async with<T>(inode: Inode, use: (file: FileLocks) => Promise<T>): Promise<T> {
    const file = this.of(inode);
    try {
      return await use(file);
    } finally {
      this.settle(file);
    }
  }

  private of(inode: Inode): FileLocks {
    const key = gfidKey(inode.gfid);
    let file = this.files.get(key);
    if (file === undefined) {
      const { contention, now } = this.host;
      file = new FileLocks(inode, { contention, now, changed: (each) => this.settle(each) });
      this.files.set(key, file);
      inode.pins++;
    }
    return file;
  }

  private settle(file: FileLocks): void {
    file.forgetIdleDomains();
    const key = gfidKey(file.gfid);
    if (!file.idle || this.files.get(key) !== file) return;
    this.files.delete(key);
    file.inode.pins--;
  }
}

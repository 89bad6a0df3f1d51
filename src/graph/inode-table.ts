import { GlfsError } from '../errors.ts';
import { type Gfid, gfidEquals, gfidKey, gfidToString, isNullGfid, ROOT_GFID } from '../protocol/gfid.ts';
import { type FileType, type Iatt, typeOfMode } from '../protocol/iatt.ts';
import { UpcallFlag } from '../protocol/upcall-flag.ts';
import { DentryCache } from './dentry-cache.ts';
import type { GraphEvent } from './events.ts';
import { Inode } from './inode.ts';

/** GlusterFS's own default of `inode-lru-limit` for its clients. */
export const INODE_LRU_LIMIT = 65536;

export interface InodeTableOptions {
  /** Most inodes that are kept, as long as not more than that are pinned (option `inode-lru-limit`). */
  limit?: number;
  /** Milliseconds for which a name is believed to lead to the same file; 0 for never. Default 1000. */
  dentryTtl?: number;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
}

/** How many pinned inodes one insertion passes over in search of one to evict: bounds its cost, not the table's size. */
const EVICTION_STEPS = 8;

/**
 * All inodes of a volume that the client knows, at most one object for a gfid. It outlives graphs.
 *
 * RULE 9: an inode with pins (fds, locks, dirty data, a pending heal) is never evicted, so the table may grow past its
 * limit by as many as are pinned.
 */
export class InodeTable {
  readonly root = new Inode(ROOT_GFID, 'directory');
  readonly dentries: DentryCache;
  /** Least recently used first. */
  private readonly inodes = new Map<string, Inode>();
  private readonly limit: number;

  constructor(options: InodeTableOptions = {}) {
    const { limit = INODE_LRU_LIMIT, dentryTtl = 1000, now = () => performance.now() } = options;
    this.limit = Math.max(limit, 1);
    this.dentries = new DentryCache({ limit: this.limit, ttl: dentryTtl, now });
    this.root.pins++;
    this.inodes.set(gfidKey(ROOT_GFID), this.root);
  }

  get size(): number {
    return this.inodes.size;
  }

  [Symbol.iterator](): IterableIterator<Inode> {
    return this.inodes.values();
  }

  get(gfid: Gfid): Inode | undefined {
    const key = gfidKey(gfid);
    const inode = this.inodes.get(key);
    if (inode === undefined) return undefined;
    this.inodes.delete(key);
    this.inodes.set(key, inode);
    return inode;
  }

  /** The table's inode for a gfid that came from outside (a handle); made where it is not known yet. */
  intern(gfid: Gfid, type?: FileType): Inode {
    return this.get(gfid) ?? this.insert(new Inode(gfid, type));
  }

  /**
   * The table's inode for a reply to `inode`. Where another object stands for that gfid already, it takes over what
   * translators learnt on `inode`, and both share it from then on: an fd that was made on the fresh one stays usable.
   * @throws GlfsError ESTALE where `inode` is another file than the reply's: its name leads elsewhere by now.
   */
  link(inode: Inode, stat: Iatt): Inode {
    if (isNullGfid(stat.gfid)) throw new GlfsError('EIO', 'the reply names no gfid');
    if (inode.known && !gfidEquals(inode.gfid, stat.gfid)) {
      this.dentries.forgetNamesOf(inode.gfid);
      throw new GlfsError('ESTALE', `${gfidToString(inode.gfid)} is replaced by another file`);
    }
    const known = this.get(stat.gfid);
    inode.learn(stat);
    if (known === undefined) return this.insert(inode);
    known.type = typeOfMode(stat.mode);
    known.absorb(inode);
    return known;
  }

  /** As `link`, and remembers that `name` in `parent` leads there. */
  linkEntry(parent: Inode, name: string, inode: Inode, stat: Iatt): Inode {
    const linked = this.link(inode, stat);
    this.dentries.remember(parent.gfid, name, linked.gfid);
    return linked;
  }

  /** The file behind a name, where a lookup told so not long ago. */
  find(parent: Inode, name: string): Inode | undefined {
    const gfid = this.dentries.find(parent.gfid, name);
    if (gfid === undefined) return undefined;
    const inode = this.get(gfid);
    if (inode === undefined) this.dentries.forgetName(parent.gfid, name);
    return inode;
  }

  /** After unlink, rmdir, and whenever a name turned out to be wrong. */
  unlinkEntry(parent: Inode, name: string): void {
    this.dentries.forgetName(parent.gfid, name);
  }

  renameEntry(oldParent: Inode, oldName: string, newParent: Inode, newName: string, inode?: Inode): void {
    this.dentries.forgetName(oldParent.gfid, oldName);
    this.dentries.forgetName(newParent.gfid, newName);
    if (inode?.known) this.dentries.remember(newParent.gfid, newName, inode.gfid);
  }

  /** The file is gone or stale: forgets it and all its names, but keeps the object while it is pinned. */
  forget(inode: Inode): void {
    this.dentries.forgetNamesOf(inode.gfid);
    this.dentries.forgetNamesIn(inode.gfid);
    const key = gfidKey(inode.gfid);
    if (this.inodes.get(key)?.pins === 0) this.inodes.delete(key);
  }

  /** What another client's change makes untrue here. */
  onEvent(event: GraphEvent): void {
    if (event.kind !== 'cache-invalidation' || event.flags === UpcallFlag.ATIME) return;
    this.dentries.forgetNamesOf(event.gfid);
    this.dentries.forgetNamesIn(event.gfid);
    if (event.parent !== undefined) this.dentries.forgetNamesIn(event.parent.gfid);
    if (event.oldParent !== undefined) this.dentries.forgetNamesIn(event.oldParent.gfid);
  }

  /**
   * At a graph switch: what the old graph's translators knew is dropped, and names are asked for again, so that the new
   * graph's translators see their lookups.
   */
  forgetAll(owners: ReadonlySet<object>): void {
    for (const inode of this.inodes.values()) inode.forgetAll(owners);
    this.dentries.clear();
  }

  private insert(inode: Inode): Inode {
    this.inodes.set(gfidKey(inode.gfid), inode);
    for (let step = 0; this.inodes.size > this.limit && step < EVICTION_STEPS; step++) {
      const [key, oldest] = this.inodes.entries().next().value!;
      if (oldest === inode) break;
      this.inodes.delete(key);
      // A pinned one counts as used just now, so that the next search doesn't meet it again.
      if (oldest.pins > 0) this.inodes.set(key, oldest);
    }
    return inode;
  }
}

import { type Gfid, gfidKey } from '../protocol/gfid.ts';

interface Dentry {
  readonly key: string;
  readonly parent: string;
  readonly child: string;
  readonly gfid: Gfid;
  /** Milliseconds of the cache's clock. */
  readonly expires: number;
}

export interface DentryCacheOptions {
  /** Most entries that are kept; the least recently found goes first. */
  limit: number;
  /** Milliseconds for which an entry is believed. */
  ttl: number;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/**
 * Which gfid a name in a directory leads to, believed for a short time: the same staleness that a kernel mount's
 * entry-timeout gives. It may be dropped at any time; nothing but speed depends on it.
 */
export class DentryCache {
  /** Least recently found first. The key is the parent's gfid (16 characters) and the name. */
  private readonly entries = new Map<string, Dentry>();
  private readonly byParent = new Map<string, Set<Dentry>>();
  private readonly byChild = new Map<string, Set<Dentry>>();

  constructor(private readonly options: DentryCacheOptions) {}

  get size(): number {
    return this.entries.size;
  }

  remember(parent: Gfid, name: string, child: Gfid): void {
    const { limit, ttl, now } = this.options;
    if (ttl <= 0 || limit <= 0) return;
    const parentKey = gfidKey(parent);
    const key = parentKey + name;
    this.drop(this.entries.get(key));
    const dentry = { key, parent: parentKey, child: gfidKey(child), gfid: child, expires: now() + ttl };
    this.entries.set(key, dentry);
    index(this.byParent, dentry.parent, dentry);
    index(this.byChild, dentry.child, dentry);
    if (this.entries.size > limit) this.drop(this.entries.values().next().value);
  }

  find(parent: Gfid, name: string): Gfid | undefined {
    const key = gfidKey(parent) + name;
    const dentry = this.entries.get(key);
    if (dentry === undefined) return undefined;
    if (this.options.now() >= dentry.expires) {
      this.drop(dentry);
      return undefined;
    }
    this.entries.delete(key);
    this.entries.set(key, dentry);
    return dentry.gfid;
  }

  forgetName(parent: Gfid, name: string): void {
    this.drop(this.entries.get(gfidKey(parent) + name));
  }

  /** Forgets all names that lead to the file. */
  forgetNamesOf(child: Gfid): void {
    for (const dentry of [...(this.byChild.get(gfidKey(child)) ?? [])]) this.drop(dentry);
  }

  /** Forgets all names in the directory. */
  forgetNamesIn(parent: Gfid): void {
    for (const dentry of [...(this.byParent.get(gfidKey(parent)) ?? [])]) this.drop(dentry);
  }

  clear(): void {
    this.entries.clear();
    this.byParent.clear();
    this.byChild.clear();
  }

  private drop(dentry: Dentry | undefined): void {
    if (dentry === undefined) return;
    this.entries.delete(dentry.key);
    unindex(this.byParent, dentry.parent, dentry);
    unindex(this.byChild, dentry.child, dentry);
  }
}

function index(map: Map<string, Set<Dentry>>, key: string, dentry: Dentry): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([dentry]));
  else set.add(dentry);
}

function unindex(map: Map<string, Set<Dentry>>, key: string, dentry: Dentry): void {
  const set = map.get(key);
  set?.delete(dentry);
  if (set?.size === 0) map.delete(key);
}

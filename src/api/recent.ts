import type { Inode } from '../graph/index.ts';
import type { Identity } from './credentials.ts';
import type { Mount } from './mount.ts';

/** Milliseconds for which the right to pass through a directory is taken for granted: as long as its entry itself. */
const TRUST_MS = 1000;
/** Callers of different rights that one directory remembers. */
const MOST = 16;

interface Sighting {
  readonly parent: Inode;
  readonly until: number;
}

/**
 * Who has found which file in which directory a moment ago. Bricks check the right to search a directory with each LOOKUP,
 * for the one who asks: an entry that one caller has seen must not lead another one past that check.
 */
export class Recent {
  private static readonly all = new WeakMap<Mount, Recent>();
  private readonly seen = new WeakMap<Inode, Map<string, Sighting>>();

  static of(mount: Mount): Recent {
    const known = Recent.all.get(mount);
    if (known !== undefined) return known;
    const made = new Recent();
    Recent.all.set(mount, made);
    return made;
  }

  add(parent: Inode, inode: Inode, { rights }: Identity): void {
    const sightings = this.seen.get(inode) ?? new Map<string, Sighting>();
    sightings.delete(rights);
    if (sightings.size >= MOST) sightings.delete(sightings.keys().next().value!);
    sightings.set(rights, { parent, until: performance.now() + TRUST_MS });
    this.seen.set(inode, sightings);
  }

  has(parent: Inode, inode: Inode, { rights }: Identity): boolean {
    const sighting = this.seen.get(inode)?.get(rights);
    return sighting !== undefined && sighting.parent === parent && performance.now() < sighting.until;
  }
}

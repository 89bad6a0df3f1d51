import { Dict, entryBytes } from '../../../protocol/dict.ts';
import { matchesShellPattern } from '../../../protocol/shell-pattern.ts';

/** More patterns than that are no list that a client caches by: then every attribute counts. */
const MOST = 1024;

/** Counters of pending heals (cluster/replicate). */
const PENDING = 'trusted.afr';

/**
 * The extended attributes that clients cache, by names and shell patterns. What one of them has asked for holds for all, and
 * to the end: there is no call that takes it back.
 */
export class RegisteredXattrs {
  private readonly patterns = new Set<string>();

  add(names: Iterable<string>): void {
    for (const name of names) {
      this.patterns.add(this.patterns.size < MOST ? name : '*');
    }
  }

  get size(): number {
    return this.patterns.size;
  }

  has(name: string): boolean {
    if (this.patterns.has(name) || this.patterns.has('*')) return true;
    for (const pattern of this.patterns) if (matchesShellPattern(pattern, name)) return true;
    return false;
  }

  /** What of a change concerns those who cache attributes; undefined where nothing does. Zeros change no counter. */
  among(changed: Dict | undefined): Dict | undefined {
    if (changed === undefined || this.patterns.size === 0) return undefined;
    const rest = new Dict();
    for (const [name, entry] of changed) {
      // Those are commands to bricks in the guise of attributes.
      if (entry.type === 'iatt' || entry.type === 'mdata' || !this.has(name)) continue;
      if (name.startsWith(PENDING) && entryBytes(entry).every((byte) => byte === 0)) continue;
      rest.setEntry(name, entry);
    }
    return rest.size === 0 ? undefined : rest;
  }

  /**
   * What an addition to counters changes for those who cache: a heal that became pending. It did so just now where the
   * result equals what was added; where there was something before, clients have been told at that time.
   */
  amongAdded(added: Dict | undefined, result: Dict | undefined): Dict | undefined {
    const concerned = this.among(added);
    if (concerned === undefined) return undefined;
    for (const [name, entry] of concerned) {
      if (!name.startsWith(PENDING)) continue;
      const now = result?.bytes(name);
      if (now === undefined || Buffer.compare(now, entryBytes(entry)) !== 0) return undefined;
    }
    return concerned;
  }
}

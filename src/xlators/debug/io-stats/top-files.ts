import { type Gfid, gfidKey, gfidToString } from '../../../protocol/gfid.ts';

export interface TopFile {
  readonly gfid: string;
  readonly path?: string;
  readonly count: number;
}

interface Entry {
  readonly gfid: Gfid;
  path: string | undefined;
  count: number;
}

/**
 * The files used most, in bounded memory. A file that isn't among them takes the place of the one used least and goes on from its
 * count ("space saving"): a count may be too high by at most that of the last place, and a file that is truly in the lead is
 * never missing.
 */
export class TopFiles {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly limit = 100) {}

  add(gfid: Gfid, path?: string): void {
    const key = gfidKey(gfid);
    const entry = this.entries.get(key);
    if (entry !== undefined) {
      entry.count++;
      entry.path ??= path;
      return;
    }
    const count = this.entries.size < this.limit ? 0 : this.dropLeast();
    this.entries.set(key, { gfid, path, count: count + 1 });
  }

  private dropLeast(): number {
    let leastKey = '';
    let least = Number.POSITIVE_INFINITY;
    for (const [key, { count }] of this.entries) {
      if (count < least) [leastKey, least] = [key, count];
    }
    this.entries.delete(leastKey);
    return least;
  }

  list(): TopFile[] {
    return [...this.entries.values()]
      .sort((a, b) => b.count - a.count)
      .map(({ gfid, path, count }) => ({
        gfid: gfidToString(gfid),
        ...(path === undefined ? {} : { path }),
        count,
      }));
  }
}

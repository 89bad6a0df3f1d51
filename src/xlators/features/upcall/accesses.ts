import type { Client } from '../../../graph/index.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';

/** Who has accessed a file, and when, in seconds. */
interface File {
  readonly gfid: Gfid;
  readonly clients: Map<Client, number>;
}

/**
 * Which clients have accessed which files not long ago. Kept by gfid, not with the inodes: an inode that is looked up anew
 * bears no knowledge yet and must not replace what is known. Files stand in the order of their last access, so that the
 * outdated ones are at the front.
 */
export class Accesses {
  private readonly files = new Map<string, File>();

  constructor(
    /** Seconds for which an access counts. */
    private readonly timeout: number,
    /** Most files that are kept; beyond them the one that was left alone the longest goes. */
    private readonly most: number,
  ) {}

  get size(): number {
    return this.files.size;
  }

  /** Notes an access. Returns the clients of the file that had to make room, and its gfid. */
  note(gfid: Gfid, client: Client, now: number): { gfid: Gfid; clients: Client[] } | undefined {
    const key = gfidKey(gfid);
    // The gfid of a request may lie in a buffer that is used again.
    const file = this.files.get(key) ?? { gfid: Uint8Array.from(gfid), clients: new Map<Client, number>() };
    this.files.delete(key);
    this.files.set(key, file);
    file.clients.set(client, now);
    this.dropOutdated(now);
    if (this.files.size <= this.most) return undefined;
    const oldest = this.files.values().next().value!;
    const clients = this.others(oldest.gfid, undefined, now);
    this.files.delete(gfidKey(oldest.gfid));
    return { gfid: oldest.gfid, clients };
  }

  /** The clients other than `client` that have accessed the file. */
  others(gfid: Gfid, client: Client | undefined, now: number): Client[] {
    const file = this.files.get(gfidKey(gfid));
    if (file === undefined) return [];
    const others: Client[] = [];
    for (const [other, accessed] of file.clients) {
      if (now - accessed >= this.timeout) file.clients.delete(other);
      else if (other !== client) others.push(other);
    }
    return others;
  }

  forget(client: Client): void {
    for (const [key, { clients }] of this.files)
      if (clients.delete(client) && clients.size === 0) this.files.delete(key);
  }

  private dropOutdated(now: number): void {
    for (const [key, { clients }] of this.files) {
      for (const accessed of clients.values()) if (now - accessed < this.timeout) return;
      this.files.delete(key);
    }
  }
}

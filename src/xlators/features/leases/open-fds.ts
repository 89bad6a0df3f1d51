import type { Client, ContextOwner, Fd } from '../../../graph/index.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import { OpenFlag } from '../../../protocol/messages.ts';

/** A lease id as a key of maps. */
export type LeaseKey = string;

interface Opener {
  readonly client: Client;
  readonly lease: LeaseKey | undefined;
}

/** Who has which file open. */
export class OpenFds {
  private readonly files = new Map<string, Map<Fd, Opener>>();
  private readonly places: ContextOwner<string> = {};

  add(fd: Fd, gfid: Gfid, client: Client, lease: LeaseKey | undefined): void {
    const key = gfidKey(gfid);
    const openers = this.files.get(key) ?? new Map<Fd, Opener>();
    this.files.set(key, openers.set(fd, { client, lease }));
    fd.set(this.places, key);
  }

  remove(fd: Fd): void {
    const key = fd.get(this.places);
    if (key !== undefined) this.removeFrom(key, fd);
  }

  private removeFrom(key: string, fd: Fd): void {
    const openers = this.files.get(key);
    openers?.delete(fd);
    if (openers?.size === 0) this.files.delete(key);
  }

  clientGone(client: Client): void {
    for (const [key, openers] of this.files)
      for (const [fd, opener] of openers) if (opener.client === client) this.removeFrom(key, fd);
  }

  /**
   * How others have the file open. An fd is one's own that was opened under the lease's id, or under none by the same
   * client.
   */
  byOthers(gfid: Gfid, lease: LeaseKey, client: Client): 'not' | 'reading' | 'writing' {
    let use: 'not' | 'reading' = 'not';
    for (const [fd, opener] of this.files.get(gfidKey(gfid)) ?? []) {
      if (opener.lease === lease || (opener.lease === undefined && opener.client === client)) continue;
      if ((fd.flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY) return 'writing';
      use = 'reading';
    }
    return use;
  }
}

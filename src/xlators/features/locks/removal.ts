import { GlfsError } from '../../../errors.ts';
import type { CallContext, Client } from '../../../graph/index.ts';
import type { InodeLock } from './inode-locks.ts';
import { Waiter } from './waiter.ts';

export interface RemovalHost {
  /** Calls `holder` for inodelks until it returns false. */
  eachInodeLock(visit: (lock: InodeLock) => void): void;
  /** Somebody is in the way of the removal. */
  contended(lock: InodeLock): void;
  /** New locks may be granted again. */
  opened(): void;
}

/**
 * Keeps the last name of a file from going while another client is at work on it (cluster translators write under an inodelk):
 * unlink, rmdir and rename onto it wait for such locks, and new ones wait for them. Internal callers (negative pid) neither
 * wait nor are waited for, nor are locks of the client that removes.
 */
export class RemovalGate {
  private running = 0;
  private waiting: { client: Client | undefined; waiter: Waiter }[] = [];

  constructor(private readonly host: RemovalHost) {}

  get idle(): boolean {
    return this.running === 0 && this.waiting.length === 0;
  }

  /** Returns when the file may be removed; `leave` must follow. @throws GlfsError ECANCELED, ETIMEDOUT, ENOTCONN. */
  async enter(context: CallContext): Promise<void> {
    const { client } = context;
    if (!this.inTheWayOf(client, true)) {
      this.running++;
      return;
    }
    const waiter = new Waiter(context, () => this.drop((each) => each.waiter === waiter));
    this.waiting.push({ client, waiter });
    await waiter.promise;
  }

  leave(): void {
    this.running--;
    this.reopen();
  }

  /** Locks were given back: lets go on whom nothing keeps any more. */
  wake(): void {
    if (this.waiting.length === 0) return;
    this.waiting = this.waiting.filter(({ client, waiter }) => {
      if (this.inTheWayOf(client, false)) return true;
      // Counted here, not when the caller runs on: nothing may slip in between.
      this.running++;
      waiter.grant();
      return false;
    });
  }

  /** Must an inodelk wait? Who has a lock on the file already needs the next one to come to its end. */
  holdsBack(lock: InodeLock): boolean {
    if (lock.owner.pid < 0 || this.idle) return false;
    if (this.running > 0) return true;
    let own = false;
    this.host.eachInodeLock((held) => {
      own ||= held.owner.client === lock.owner.client;
    });
    return !own;
  }

  dropClient(client: Client): void {
    this.drop((each) => each.client === client, new GlfsError('ENOTCONN', 'the client has gone'));
  }

  private drop(which: (each: (typeof this.waiting)[number]) => boolean, error?: GlfsError): void {
    const gone = this.waiting.filter(which);
    if (gone.length === 0) return;
    this.waiting = this.waiting.filter((each) => !which(each));
    if (error !== undefined) for (const { waiter } of gone) waiter.refuse(error);
    this.reopen();
  }

  private reopen(): void {
    if (this.idle) this.host.opened();
  }

  private inTheWayOf(client: Client | undefined, tell: boolean): boolean {
    let found = false;
    this.host.eachInodeLock((lock) => {
      if (lock.owner.client === client || lock.owner.pid < 0) return;
      found = true;
      if (tell) this.host.contended(lock);
    });
    return found;
  }
}

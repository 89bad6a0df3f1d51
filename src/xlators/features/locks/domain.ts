import type { GraphEvent } from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import type { Contention } from './contention.ts';
import { type EntryLock, entryLockRules } from './entry-locks.ts';
import { type InodeLock, inodeLockRules } from './inode-locks.ts';
import { LockQueue } from './lock-queue.ts';

export interface DomainHost {
  readonly gfid: Gfid;
  readonly contention: Contention;
  now(): number;
  changed(): void;
  /** A removal under way or waiting keeps new inodelks out. */
  heldBack(lock: InodeLock): boolean;
}

/** The locks of one translator on one file: those of different domains don't know of each other. */
export class Domain {
  readonly inodeLocks: LockQueue<InodeLock>;
  readonly entryLocks: LockQueue<EntryLock>;

  constructor(
    readonly name: string,
    private readonly host: DomainHost,
  ) {
    const common = { now: () => host.now(), changed: () => host.changed() };
    this.inodeLocks = new LockQueue({
      ...inodeLockRules,
      ...common,
      heldBack: (lock) => host.heldBack(lock),
      contended: (holder) => this.inodeContended(holder),
    });
    this.entryLocks = new LockQueue({
      ...entryLockRules,
      ...common,
      heldBack: () => false,
      contended: (holder) => this.entryContended(holder),
    });
  }

  get idle(): boolean {
    return this.inodeLocks.idle && this.entryLocks.idle;
  }

  inodeContended(holder: InodeLock): void {
    const event = (): GraphEvent => ({
      kind: 'inodelk-contention',
      ...this.addressed(holder),
      flock: holder.flock,
    });
    this.host.contention.notify(holder, () => this.inodeLocks.held.includes(holder), event);
  }

  private entryContended(holder: EntryLock): void {
    const event = (): GraphEvent => ({
      kind: 'entrylk-contention',
      ...this.addressed(holder),
      name: holder.name ?? '',
      type: holder.type,
    });
    this.host.contention.notify(holder, () => this.entryLocks.held.includes(holder), event);
  }

  private addressed({ owner }: InodeLock | EntryLock) {
    const { client, pid } = owner;
    return { gfid: this.host.gfid, domain: this.name, client, pid };
  }
}

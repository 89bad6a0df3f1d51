import type { Client, Inode } from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import type { Contention } from './contention.ts';
import { Domain, type DomainHost } from './domain.ts';
import type { InodeLock } from './inode-locks.ts';
import { IoGate } from './io-gate.ts';
import { PosixLocks } from './posix-locks.ts';
import { RemovalGate } from './removal.ts';

export interface FileLocksHost {
  readonly contention: Contention;
  now(): number;
  /** Something was given up: the file may have no locks any more. */
  changed(file: FileLocks): void;
}

/** All locks of one file, and all calls that wait for them. */
export class FileLocks implements DomainHost {
  readonly gfid: Gfid;
  readonly domains = new Map<string, Domain>();
  readonly posix: PosixLocks;
  readonly io: IoGate;
  readonly removal: RemovalGate;

  constructor(
    readonly inode: Inode,
    private readonly host: FileLocksHost,
  ) {
    this.gfid = inode.gfid;
    this.posix = new PosixLocks(() => {
      this.io.wake();
      host.changed(this);
    });
    this.io = new IoGate(this.posix);
    this.removal = new RemovalGate({
      eachInodeLock: (visit) => this.eachInodeLock(visit),
      contended: (lock) => this.domainOf(lock)?.inodeContended(lock),
      opened: () => {
        for (const { inodeLocks } of this.domains.values()) inodeLocks.regrant();
        host.changed(this);
      },
    });
  }

  get contention(): Contention {
    return this.host.contention;
  }

  get idle(): boolean {
    return this.domains.size === 0 && this.posix.idle && this.io.idle && this.removal.idle;
  }

  now(): number {
    return this.host.now();
  }

  changed(): void {
    this.removal.wake();
    this.host.changed(this);
  }

  heldBack(lock: InodeLock): boolean {
    return this.removal.holdsBack(lock);
  }

  domain(name: string): Domain {
    let domain = this.domains.get(name);
    if (domain === undefined) {
      domain = new Domain(name, this);
      this.domains.set(name, domain);
    }
    return domain;
  }

  /** Domains are named by clients: those without locks are not kept. */
  forgetIdleDomains(): void {
    for (const [name, domain] of this.domains) if (domain.idle) this.domains.delete(name);
  }

  /** Locks held and waited for, of one domain or of all. */
  inodelkCount(domain?: string): number {
    if (domain !== undefined) return this.domains.get(domain)?.inodeLocks.count ?? 0;
    return sum(this.domains, ({ inodeLocks }) => inodeLocks.count);
  }

  entrylkCount(): number {
    return sum(this.domains, ({ entryLocks }) => entryLocks.count);
  }

  /** Is this very name locked, in any domain? A lock on all names doesn't count. */
  hasNameLocked(name: string): boolean {
    for (const { entryLocks } of this.domains.values())
      if (entryLocks.held.some((lock) => lock.name === name)) return true;
    return false;
  }

  dropClient(client: Client): number {
    let dropped = 0;
    const count = ({ granted, blocked }: { granted: number; blocked: number }): void => {
      dropped += granted + blocked;
    };
    this.removal.dropClient(client);
    this.io.dropClient(client);
    for (const { inodeLocks, entryLocks } of [...this.domains.values()]) {
      count(inodeLocks.dropClient(client));
      count(entryLocks.dropClient(client));
    }
    count(this.posix.dropClient(client));
    return dropped;
  }

  private eachInodeLock(visit: (lock: InodeLock) => void): void {
    for (const { inodeLocks } of this.domains.values()) for (const lock of inodeLocks.held) visit(lock);
  }

  private domainOf(lock: InodeLock): Domain | undefined {
    for (const domain of this.domains.values()) if (domain.inodeLocks.held.includes(lock)) return domain;
    return undefined;
  }
}

function sum(domains: ReadonlyMap<string, Domain>, count: (domain: Domain) => number): number {
  let total = 0;
  for (const domain of domains.values()) total += count(domain);
  return total;
}

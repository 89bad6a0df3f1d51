import type { Client } from '../../../graph/index.ts';
import { LeaseType } from '../../../protocol/messages.ts';
import type { LeaseKey } from './open-fds.ts';

/** Callers without a client of their own: the graph stands inside of their process. */
export const LOCAL: Client = { id: 'local', address: 'local' };

export interface Holder {
  readonly client: Client;
  readonly id: Uint8Array;
  /** How often each type was taken. */
  readonly counts: Map<number, number>;
}

/** A call that wants the file. */
export interface Wanting {
  readonly lease: LeaseKey | undefined;
  readonly modifies: boolean;
  /** Unlinking and renaming go against the holder's own lease, too. */
  readonly always?: boolean;
}

/** Leases of one file, and who waits for them to be given back. */
export class FileLeases {
  readonly holders = new Map<LeaseKey, Holder>();
  private readonly waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  get idle(): boolean {
    return this.holders.size === 0 && this.waiting.length === 0;
  }

  /** Union of the types that are held: bits of LeaseType. */
  get type(): number {
    let type: number = LeaseType.NONE;
    for (const { counts } of this.holders.values()) for (const one of counts.keys()) type |= one;
    return type;
  }

  get recalled(): boolean {
    return this.timer !== undefined;
  }

  /** A lease stands beside others' leases and open fds only where neither side writes. */
  grantable(lease: LeaseKey, type: number, openByOthers: 'not' | 'reading' | 'writing'): boolean {
    // Who waits goes first.
    if (this.recalled || this.waiting.length > 0) return false;
    const others = [...this.holders].filter(([key]) => key !== lease);
    if (type === LeaseType.READ_WRITE) return openByOthers === 'not' && others.length === 0;
    return openByOthers !== 'writing' && others.every(([, { counts }]) => !counts.has(LeaseType.READ_WRITE));
  }

  grant(lease: LeaseKey, id: Uint8Array, type: number, client: Client): void {
    const holder = this.holders.get(lease) ?? { client, id, counts: new Map<number, number>() };
    holder.counts.set(type, (holder.counts.get(type) ?? 0) + 1);
    this.holders.set(lease, holder);
  }

  /** `false` where the holder has no lease of that type. A lease that is gone already is as good as given back. */
  giveBack(lease: LeaseKey, type: number): boolean {
    const holder = this.holders.get(lease);
    if (holder === undefined) return true;
    const count = holder.counts.get(type);
    if (count === undefined) return false;
    if (count > 1) holder.counts.set(type, count - 1);
    else holder.counts.delete(type);
    if (holder.counts.size === 0) this.drop(lease);
    return true;
  }

  private drop(lease: LeaseKey): void {
    this.holders.delete(lease);
    if (this.holders.size === 0) this.free();
  }

  clientGone(client: Client): void {
    for (const [lease, holder] of this.holders) if (holder.client === client) this.drop(lease);
  }

  /** Does a call have to wait until the leases are given back? */
  conflicts({ lease, modifies, always }: Wanting): boolean {
    if (this.holders.size === 0) return false;
    if (always === true || lease === undefined) return true;
    const mine = this.holders.get(lease)?.counts;
    if ((this.type & LeaseType.READ_WRITE) !== 0) return mine?.has(LeaseType.READ_WRITE) !== true;
    return modifies && [...this.holders.keys()].some((other) => other !== lease);
  }

  /** The holders that are to be told, once for each recall. At the end of the time all leases are taken. */
  recall(milliseconds: number, expired: () => void): Holder[] {
    if (this.recalled || this.holders.size === 0) return [];
    this.timer = setTimeout(() => {
      this.takeAll();
      expired();
    }, milliseconds);
    this.timer.unref();
    return [...this.holders.values()];
  }

  /** Settles when no lease is left. */
  whenFree(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }

  takeAll(): void {
    this.holders.clear();
    this.free();
  }

  private free(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

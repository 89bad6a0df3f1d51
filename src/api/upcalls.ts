import type { GraphEvent, Inode } from '../graph/index.ts';
import { type Gfid, gfidKey, gfidToString } from '../protocol/gfid.ts';
import type { Iatt } from '../protocol/iatt.ts';
import type { Handle } from './handle.ts';
import { leaseKind } from './leases.ts';
import type { Scope } from './scope.ts';
import { Stats } from './stats.ts';
import type { LeaseKind } from './types.ts';

export { UpcallFlag } from '../protocol/upcall-flag.ts';

/** A directory that a change touched. */
export interface UpcallParent {
  readonly gfid: string;
  readonly stats: Stats;
}

/** What servers tell of others' doings. `handle()` gives the file, to be closed by the caller. */
export type Upcall =
  | {
      readonly kind: 'invalidation';
      readonly gfid: string;
      /** Bits of UpcallFlag; several invalidations of one file that nobody has fetched yet are one. */
      readonly flags: number;
      /** Seconds for which the server goes on to tell. */
      readonly expiresIn: number;
      readonly stats: Stats | undefined;
      readonly parent: UpcallParent | undefined;
      readonly oldParent: UpcallParent | undefined;
      handle(): Handle;
    }
  | {
      readonly kind: 'lease-recall';
      readonly gfid: string;
      /** What the file's lease has to shrink to; undefined: nothing. */
      readonly type: LeaseKind | undefined;
      handle(): Handle;
    }
  /** Locks of an open file are gone; calls on it end with EBADFD. */
  | { readonly kind: 'locks-lost'; readonly gfid: string; readonly reason: Error; handle(): Handle }
  /** More files changed than are remembered: whatever is cached may be outdated. */
  | { readonly kind: 'lost' };

/** Files whose changes are remembered until somebody fetches them. */
const MOST = 65536;

/** Upcalls of a volume as they come, from the moment of its making; `close`, or leaving the loop, ends it. */
export class Upcalls implements AsyncIterableIterator<Upcall>, AsyncDisposable {
  private readonly queue = new Map<string, Upcall>();
  private serial = 0;
  private waiting: ((result: IteratorResult<Upcall, undefined>) => void)[] = [];
  private ended = false;
  private readonly stopListening: () => void;

  constructor(
    private readonly scope: Scope,
    private readonly handleOf: (inode: Inode) => Handle,
  ) {
    this.stopListening = scope.mount.listen((event) => this.onEvent(event));
    scope.opened.add(this);
  }

  private onEvent(event: GraphEvent): void {
    switch (event.kind) {
      case 'cache-invalidation':
        this.put(`inode ${gfidKey(event.gfid)}`, {
          kind: 'invalidation',
          ...this.fileOf(event.gfid),
          flags: event.flags,
          expiresIn: event.expiresIn,
          stats: event.stat === undefined ? undefined : new Stats(event.stat, this.scope.device),
          parent: this.parentOf(event.parent),
          oldParent: this.parentOf(event.oldParent),
        });
        break;
      case 'lease-recall': {
        const { type } = event;
        const upcall = {
          kind: 'lease-recall',
          ...this.fileOf(event.gfid),
          type: leaseKind(type),
        } as const;
        this.put(`event ${this.serial++}`, upcall);
        break;
      }
      case 'locks-lost':
        this.put(`event ${this.serial++}`, {
          kind: 'locks-lost',
          ...this.fileOf(event.gfid),
          reason: event.reason,
        });
    }
  }

  private fileOf(gfid: Gfid): { gfid: string; handle(): Handle } {
    const handle = (): Handle => this.handleOf(this.scope.mount.inodes.intern(gfid));
    return { gfid: gfidToString(gfid), handle };
  }

  private parentOf(iatt: Iatt | undefined): UpcallParent | undefined {
    if (iatt === undefined) return undefined;
    return { gfid: gfidToString(iatt.gfid), stats: new Stats(iatt, this.scope.device) };
  }

  private put(key: string, upcall: Upcall): void {
    const waiting = this.waiting.shift();
    if (waiting !== undefined) {
      waiting({ value: upcall, done: false });
      return;
    }
    const before = this.queue.get(key);
    if (before?.kind === 'invalidation' && upcall.kind === 'invalidation') {
      this.queue.set(key, { ...upcall, flags: upcall.flags | before.flags });
      return;
    }
    if (this.queue.size < MOST) this.queue.set(key, upcall);
    else this.queue.set('lost', { kind: 'lost' });
  }

  /** The next upcall, as soon as there is one. */
  next(): Promise<IteratorResult<Upcall, undefined>> {
    const first = this.queue.entries().next();
    if (!first.done) {
      this.queue.delete(first.value[0]);
      return Promise.resolve({ value: first.value[1], done: false });
    }
    if (this.ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The next one that is there already, if any (glfs_h_poll_upcall). */
  poll(): Upcall | undefined {
    const first = this.queue.entries().next();
    if (first.done) return undefined;
    this.queue.delete(first.value[0]);
    return first.value[1];
  }

  async return(): Promise<IteratorResult<Upcall, undefined>> {
    await this.close();
    return { value: undefined, done: true };
  }

  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.stopListening();
    this.scope.opened.delete(this);
    this.queue.clear();
    for (const resolve of this.waiting) resolve({ value: undefined, done: true });
    this.waiting = [];
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

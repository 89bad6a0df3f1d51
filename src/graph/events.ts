import type { GlfsError } from '../errors.ts';
import type { Dict } from '../protocol/dict.ts';
import type { Gfid } from '../protocol/gfid.ts';
import type { Iatt } from '../protocol/iatt.ts';
import type { Flock } from '../protocol/messages.ts';
import type { Client } from './client.ts';

/** In the graph of a brick: the client that the event is for; protocol/server calls back to it. */
interface Addressed {
  client?: Client;
}

/** What flows up the graph. A translator may swallow, change or merge an event; by default it passes on. */
export type GraphEvent =
  | { kind: 'child-up' }
  /** `reason` names the brick and why it can't be reached. */
  | { kind: 'child-down'; reason?: GlfsError }
  /** A file changed behind our back (features/upcall). `flags` are bits of UpcallFlag; `expiresIn` is in seconds. */
  | (Addressed & {
      kind: 'cache-invalidation';
      gfid: Gfid;
      flags: number;
      expiresIn: number;
      stat?: Iatt;
      parent?: Iatt;
      oldParent?: Iatt;
      /** Extended attributes that were set, or whose names were removed. */
      xattrs?: Dict;
    })
  | (Addressed & { kind: 'lease-recall'; gfid: Gfid; leaseId: Uint8Array; type: number })
  /** `pid` is the holder's, as its client gave it when it took the lock. */
  | (Addressed & { kind: 'inodelk-contention'; gfid: Gfid; domain: string; flock: Flock; pid?: number })
  /** An empty name stands for all names. */
  | (Addressed & {
      kind: 'entrylk-contention';
      gfid: Gfid;
      domain: string;
      name: string;
      type: number;
      pid?: number;
    })
  /** Locks of an fd are gone: the server lost them and they could not be taken again. */
  | { kind: 'locks-lost'; gfid: Gfid; reason: GlfsError };

export type GraphEventKind = GraphEvent['kind'];

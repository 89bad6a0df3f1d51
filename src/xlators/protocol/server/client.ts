import type { Client } from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import type { ServerConnection } from '../../../rpc/index.ts';
import type { BrickExport } from './export.ts';
import { FdTable } from './fd-table.ts';

/** Who a client is: connections with the same say are one client. */
export interface ClientIdentity {
  /** Its process-uuid. */
  readonly id: string;
  readonly export: BrickExport;
  /** Directory that it has for its root; `/` for none. */
  readonly subdirectory: string;
  /** It gave the brick's own user and password: who did not has no part in what a client that did may do. */
  readonly ofPool: boolean;
}

/** A client that is attached: its connections, what it has open, its calls under way. */
export class BrickClient implements Client {
  readonly id: string;
  readonly export: BrickExport;
  readonly subdirectory: string;
  readonly address: string;
  /** What the client takes for the root, where that is a directory of the volume. */
  rootGfid: Gfid | undefined;
  readonly ofPool: boolean;
  readonly connections = new Set<ServerConnection>();
  /** End the waits of a connection's calls when it ends: a lock must not be granted to whom nobody can tell. */
  readonly endings = new Map<ServerConnection, AbortController>();
  readonly fds = new FdTable();
  /** Aborts when the last connection has ended. */
  readonly leaving = new AbortController();
  /** Calls that wait for locks. */
  waiting = 0;
  private underWay = 0;
  private idle: (() => void)[] = [];

  constructor(identity: ClientIdentity, address: string) {
    this.id = identity.id;
    this.export = identity.export;
    this.subdirectory = identity.subdirectory;
    this.ofPool = identity.ofPool;
    this.address = address;
  }

  enter(): void {
    this.underWay++;
  }

  leave(): void {
    if (--this.underWay > 0) return;
    for (const wake of this.idle.splice(0)) wake();
  }

  /** Resolves once none of its calls is under way. */
  async whenIdle(): Promise<void> {
    if (this.underWay > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  get calls(): number {
    return this.underWay;
  }
}

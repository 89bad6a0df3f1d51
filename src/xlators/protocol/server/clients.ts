import type { CallContext } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import type { ServerConnection } from '../../../rpc/index.ts';
import { BrickClient, type ClientIdentity } from './client.ts';
import type { OpenFd } from './fd-table.ts';

/** Milliseconds for which the calls of a client that has left are waited for, before its files and locks are given up. */
const PATIENCE = 10_000;
const NO_OWNER = new Uint8Array(0);

/**
 * The clients of a server. Connections that say the same of themselves are one client; what it has open and locked lives until
 * the last of them has ended.
 */
export class Clients {
  private readonly byIdentity = new Map<string, BrickClient>();
  private readonly byConnection = new Map<ServerConnection, BrickClient>();
  private readonly leaving = new Set<Promise<void>>();

  constructor(private readonly log: Logger) {}

  of(connection: ServerConnection): BrickClient | undefined {
    return this.byConnection.get(connection);
  }

  [Symbol.iterator](): IterableIterator<BrickClient> {
    return this.byIdentity.values();
  }

  /** The client that a connection is of from now on. The connection must be open. */
  attach(connection: ServerConnection, identity: ClientIdentity): BrickClient {
    const key = JSON.stringify([identity.id, identity.export.name, identity.subdirectory, identity.ofPool]);
    let client = this.byIdentity.get(key);
    if (client === undefined) {
      client = new BrickClient(identity, connection.peer.address);
      this.byIdentity.set(key, client);
    }
    const before = this.byConnection.get(connection);
    if (before !== client) this.detach(connection);
    client.connections.add(connection);
    if (before !== client) client.endings.set(connection, new AbortController());
    this.byConnection.set(connection, client);
    return client;
  }

  /** The connection has ended. */
  detach(connection: ServerConnection): void {
    const client = this.byConnection.get(connection);
    if (client === undefined) return;
    this.byConnection.delete(connection);
    client.connections.delete(connection);
    client.endings.get(connection)?.abort();
    client.endings.delete(connection);
    if (client.connections.size > 0) return;
    for (const [key, known] of this.byIdentity) if (known === client) this.byIdentity.delete(key);
    const gone = this.farewell(client).finally(() => this.leaving.delete(gone));
    this.leaving.add(gone);
  }

  /** Resolves when nothing is left of the clients that have gone. */
  async whenGone(): Promise<void> {
    await Promise.all(this.leaving);
  }

  /** Calls under way end first: what they still open or lock must be given up too. */
  private async farewell(client: BrickClient): Promise<void> {
    client.leaving.abort();
    const idle = client.whenIdle();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE);
      timer.unref();
    });
    await Promise.race([idle, patience]);
    clearTimeout(timer);
    await this.giveUp(client);
    if (client.calls > 0) void idle.then(() => this.giveUp(client));
  }

  private async giveUp(client: BrickClient): Promise<void> {
    const context: CallContext = { uid: 0, gid: 0, groups: [], pid: 0, lkOwner: NO_OWNER, client };
    await Promise.all(client.fds.clear().map((open) => this.close(client, open, context)));
    for (const translator of client.export.translators) {
      try {
        translator.clientGone(client);
      } catch (err) {
        this.log.error({ err, translator: translator.name, client: client.id }, 'clientGone failed');
      }
    }
  }

  /** As close(2): FLUSH drops the locks, RELEASE the file. */
  private async close({ id, export: brick }: BrickClient, open: OpenFd, context: CallContext): Promise<void> {
    const { fd } = open;
    try {
      if (!fd.isDirectory) await brick.subvolume.flush({ fd }, context);
    } catch (err) {
      this.log.debug({ err, client: id }, 'flush of a file whose client has gone failed');
    }
    try {
      await brick.subvolume[fd.isDirectory ? 'releasedir' : 'release']({ fd }, context);
    } catch (err) {
      this.log.debug({ err, client: id }, 'release of a file whose client has gone failed');
    }
    open.unpin();
  }
}

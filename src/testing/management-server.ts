import type { Logger } from '../logger.ts';
import { CallbackProcedure, programs } from '../protocol/handshake.ts';
import { RpcServer, type TlsOptions } from '../rpc/index.ts';
import { answerManagement, gaveVolfile, type ManagedVolumes } from './management-answers.ts';

export interface ManagementServerOptions {
  readonly host: string;
  readonly volumes: ManagedVolumes;
  readonly log: Logger;
  readonly tls?: TlsOptions;
  /** Milliseconds that a connection has until it got a volfile; default as `RpcServer`'s. */
  readonly handshakeTimeout?: number;
}

const EMPTY = new Uint8Array(0);
/** Keys, paths and small dicts: no call to a management server is longer. */
const LONGEST_CALL = 1 << 20;

/**
 * What stands in for glusterd: volfiles, ports, and word of changes. Whoever can connect may ask, as with glusterd. Those who got
 * a volfile stay connected, to hear of changes; others have the time of a handshake, in which clients that only ask for a
 * brick's port are done.
 */
export class ManagementServer {
  private server: RpcServer | undefined;

  constructor(private readonly options: ManagementServerOptions) {}

  get port(): number {
    return this.server?.port ?? 0;
  }

  /** @throws GlfsError EADDRINUSE, EADDRNOTAVAIL, EACCES and whatever bind(2) says. */
  async listen(port: number): Promise<void> {
    const { host, volumes, log, tls } = this.options;
    const server = new RpcServer({
      endpoint: { host, port },
      log,
      tls,
      limits: { record: LONGEST_CALL, untrustedRecord: LONGEST_CALL },
      handshakeTimeout: this.options.handshakeTimeout,
      dispatch: (call, connection) => {
        const answer = answerManagement(call, volumes);
        if (gaveVolfile(call, answer)) connection.trust();
        return answer;
      },
    });
    await server.listen();
    this.server = server;
  }

  /** Tells all who have a volfile that some volume changed; they fetch what they need (FETCHSPEC). */
  announceChange(): void {
    const procedure = { ...programs.callback, procedure: CallbackProcedure.FETCH_SPEC };
    for (const connection of this.server?.connections ?? [])
      if (connection.trusted) connection.call(procedure, EMPTY);
  }

  async close(): Promise<void> {
    await this.server?.close();
  }
}

import type { Logger } from '../logger.ts';
import { CallbackProcedure, programs } from '../protocol/handshake.ts';
import { RpcServer, type TlsOptions } from '../rpc/index.ts';
import { answerManagement, type ManagedVolumes } from './management-answers.ts';

export interface ManagementServerOptions {
  readonly host: string;
  readonly volumes: ManagedVolumes;
  readonly log: Logger;
  readonly tls?: TlsOptions;
}

const EMPTY = new Uint8Array(0);

/** What stands in for glusterd: volfiles, ports, and word of changes. Whoever can connect may ask, as with glusterd. */
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
      dispatch: (call, connection) => {
        connection.trust();
        return answerManagement(call, volumes);
      },
    });
    await server.listen();
    this.server = server;
  }

  /** Tells every client that some volume changed; they fetch what they need (FETCHSPEC). */
  announceChange(): void {
    const procedure = { ...programs.callback, procedure: CallbackProcedure.FETCH_SPEC };
    for (const connection of this.server?.connections ?? []) connection.call(procedure, EMPTY);
  }

  async close(): Promise<void> {
    await this.server?.close();
  }
}

import { lstatSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { GlfsError, toGlfsError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type ConnectionLimits, type Dispatch, type Peer, ServerConnection } from './server-connection.ts';
import type { TlsOptions } from './transport.ts';

/** Where to listen: an address and a port (0: any that is free), or the path of a unix socket. */
export type ListenEndpoint = { readonly host?: string; readonly port: number } | { readonly path: string };

export interface RpcServerOptions {
  readonly endpoint: ListenEndpoint;
  /** Clients must show a certificate of the same authority. */
  readonly tls?: TlsOptions;
  readonly dispatch: Dispatch;
  readonly log: Logger;
  readonly limits?: Partial<ConnectionLimits>;
  /** Milliseconds until a connection that nobody trusts is dropped; 0: never. Default 30 s. */
  readonly handshakeTimeout?: number;
  /**
   * Most connections that nobody trusts yet. The oldest of the host that has most of them makes room for the next: who floods a
   * server is in his own way first. Default 256.
   */
  readonly untrustedConnections?: number;
  /** Most connections of all kinds; beyond, the host that has most of them gets no more. Default 4096. */
  readonly connections?: number;
  readonly onOpen?: (connection: ServerConnection) => void;
  /** The connection has ended; calls of it may still be under way. */
  readonly onClose?: (connection: ServerConnection) => void;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const DEFAULT_LIMITS: ConnectionLimits = {
  // A WRITE of 64 MiB with its header, credential and xdata.
  record: 64 * MIB + 128 * KIB,
  untrustedRecord: MIB,
  outstanding: 64,
  unsent: 4 * MIB,
  held: 64 * MIB,
  replies: 64 * MIB,
};

/** A connection that is not trusted yet: a socket in its TLS handshake, or a connection whose peer has not said who it is. */
interface Newcomer {
  readonly host: string;
  drop(reason: string): void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Takes connections of GlusterFS clients and hands their calls to a dispatcher. */
export class RpcServer {
  private readonly server: Server;
  private readonly tlsServer: TlsServer | undefined;
  private readonly limits: ConnectionLimits;
  private readonly all = new Set<ServerConnection>();
  /** Oldest first. */
  private readonly newcomers = new Map<Socket | ServerConnection, Newcomer>();
  /** Sockets that came while the server is frozen: nobody has touched them. */
  private waiting: Socket[] | undefined;
  private nextId = 1;
  private closed = false;

  constructor(private readonly options: RpcServerOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    if (options.tls !== undefined && 'path' in options.endpoint)
      throw new GlfsError('EINVAL', 'no TLS on a unix socket');
    this.server = createServer({ pauseOnConnect: true }, (socket) => this.accept(socket));
    this.tlsServer = options.tls === undefined ? undefined : this.makeTlsServer(options.tls);
  }

  /** @throws GlfsError EINVAL for certificates that are none. */
  private makeTlsServer(tls: TlsOptions): TlsServer {
    const { verifyHost: _ofClients, minVersion = 'TLSv1.2', ...certificates } = tls;
    try {
      const server = createTlsServer({
        ...certificates,
        minVersion,
        requestCert: true,
        rejectUnauthorized: true,
        // Newcomers have a time of their own.
        handshakeTimeout: 0x7fff_ffff,
      });
      server.on('secureConnection', (socket) => this.secured(socket));
      server.on('tlsClientError', (err, socket) => {
        this.options.log.warn({ err, client: socket.remoteAddress }, 'TLS handshake of a client failed');
        socket.destroy();
      });
      return server;
    } catch (cause) {
      throw new GlfsError('EINVAL', `certificates of the server: ${(cause as Error).message}`, { cause });
    }
  }

  /** Begins to listen. @throws GlfsError EADDRINUSE, EADDRNOTAVAIL, EACCES and whatever bind(2) says. */
  async listen(): Promise<void> {
    const { endpoint } = this.options;
    if ('path' in endpoint) removeStale(endpoint.path);
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => reject(toGlfsError(error));
      this.server.once('error', failed);
      const target =
        'path' in endpoint ? endpoint : { host: endpoint.host ?? '0.0.0.0', port: endpoint.port };
      this.server.listen({ ...target, backlog: 1024 }, () => {
        this.server.off('error', failed);
        this.server.on('error', (err) => this.options.log.error({ err }, 'a connection could not be taken'));
        resolve();
      });
    });
  }

  /** The port that it listens on; 0 with a unix socket. */
  get port(): number {
    return (this.server.address() as AddressInfo | null)?.port ?? 0;
  }

  get connections(): ReadonlySet<ServerConnection> {
    return this.all;
  }

  /** As a process that is stopped: connections stay, new ones come about (the kernel makes them), nothing is read or sent. */
  pause(): void {
    if (this.waiting !== undefined) return;
    this.waiting = [];
    for (const connection of this.all) connection.freeze();
  }

  resume(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    for (const connection of this.all) connection.thaw();
    for (const socket of waiting) this.accept(socket);
  }

  /** Cuts all connections; clients may come back. */
  destroyConnections(): void {
    for (const connection of [...this.all]) connection.destroy();
    for (const newcomer of [...this.newcomers.values()]) newcomer.drop('the server cuts all connections');
    for (const socket of this.waiting?.splice(0) ?? []) socket.destroy();
  }

  /** Stops listening and cuts all connections. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    this.destroyConnections();
    this.waiting = undefined;
    await new Promise<void>((resolve) => {
      if (!this.server.listening) resolve();
      else this.server.close(() => resolve());
    });
  }

  private accept(socket: Socket): void {
    if (this.closed) {
      socket.destroy();
      return;
    }
    if (this.waiting !== undefined) {
      // So that a peer that leaves meanwhile is no uncaught exception.
      socket.on('error', () => {});
      this.waiting.push(socket);
      return;
    }
    if (this.tlsServer === undefined) {
      this.open(socket, peerOf(socket, this.options.endpoint), false);
      return;
    }
    this.addNewcomer(socket, socket.remoteAddress ?? '', (reason) => {
      this.options.log.warn({ client: socket.remoteAddress, reason }, 'connection of a client dropped');
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.once('close', () => this.removeNewcomer(socket));
    this.tlsServer.emit('connection', socket);
  }

  private secured(socket: TLSSocket): void {
    const { CN } = socket.getPeerCertificate().subject ?? {};
    const commonName = Array.isArray(CN) ? CN[0] : CN;
    // What is below it was counted until now; it has the same address.
    for (const [raw] of this.newcomers) {
      if (
        'remotePort' in raw &&
        raw.remotePort === socket.remotePort &&
        raw.remoteAddress === socket.remoteAddress
      )
        this.removeNewcomer(raw);
    }
    this.open(socket, { ...peerOf(socket, this.options.endpoint), commonName: commonName ?? '' }, true);
  }

  private open(socket: Socket, peer: Peer, tls: boolean): void {
    const connection = new ServerConnection({
      id: this.nextId++,
      socket,
      peer,
      tls,
      limits: this.limits,
      dispatch: this.options.dispatch,
      log: this.options.log,
      onTrusted: (trusted) => this.removeNewcomer(trusted),
      onClose: (ended) => {
        this.removeNewcomer(ended);
        if (this.all.delete(ended)) this.options.onClose?.(ended);
      },
    });
    this.all.add(connection);
    this.addNewcomer(connection, peer.host, (reason) =>
      connection.destroy(new GlfsError('ETIMEDOUT', reason)),
    );
    this.options.onOpen?.(connection);
    this.makeRoom();
    if (this.waiting !== undefined) connection.freeze();
  }

  /** The newest of the host that has most connections gives way, where there are too many. */
  private makeRoom(): void {
    if (this.all.size <= (this.options.connections ?? 4096)) return;
    const host = mostFrequent([...this.all].map(({ peer }) => peer.host));
    const last = [...this.all].findLast(({ peer }) => peer.host === host);
    last?.destroy(new GlfsError('EMFILE', 'too many connections'));
  }

  private addNewcomer(key: Socket | ServerConnection, host: string, drop: (reason: string) => void): void {
    const { handshakeTimeout = 30_000, untrustedConnections = 256 } = this.options;
    const late = (): void => {
      if (this.waiting === undefined) drop(`no handshake within ${handshakeTimeout} ms`);
      else timer?.refresh();
    };
    const timer = handshakeTimeout === 0 ? undefined : setTimeout(late, handshakeTimeout);
    timer?.unref();
    this.newcomers.set(key, { host, drop, timer });
    if (this.newcomers.size <= untrustedConnections) return;
    const crowd = mostFrequent([...this.newcomers.values()].map((each) => each.host));
    const [oldest, newcomer] = [...this.newcomers].find(([, each]) => each.host === crowd)!;
    this.removeNewcomer(oldest);
    newcomer.drop('too many connections that have made no handshake');
  }

  private removeNewcomer(key: Socket | ServerConnection): void {
    clearTimeout(this.newcomers.get(key)?.timer);
    this.newcomers.delete(key);
  }
}

/** Of several, the first that is there most often. */
function mostFrequent(hosts: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const host of hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
  let most: string | undefined;
  for (const [host, count] of counts) if (most === undefined || count > counts.get(most)!) most = host;
  return most;
}

function peerOf(socket: Socket, endpoint: ListenEndpoint): Peer {
  if ('path' in endpoint) return { address: endpoint.path, host: endpoint.path, port: 0 };
  // A server on :: has its clients of IPv4 as ::ffff:a.b.c.d.
  const host = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  const port = socket.remotePort ?? 0;
  return { address: `${host}:${port}`, host, port };
}

/** What a server that died has left behind. */
function removeStale(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
}

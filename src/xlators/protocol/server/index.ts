/*
 * protocol/server: bricks for clients of the native protocol.
 *
 * Promise: whoever attaches (address, user and password or certificate, volume) works on its brick as on a real one: the same
 * answers, error numbers and file numbers; what it has open and locked is given up when the last of its connections has ended.
 * Hides: the wire from the translators below, which see locs, fds and a client; and strangers from both: what is no call, comes
 * before the handshake, names what lies outside or ends with an exception harms nobody but its sender.
 */
import { readFileSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import {
  type Client,
  type GraphEvent,
  type OptionValues,
  type Subvolume,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { type FopName, fopNames } from '../../../protocol/fops.ts';
import {
  type ListenEndpoint,
  RpcServer,
  type ServerConnection,
  type TlsOptions,
} from '../../../rpc/index.ts';
import { callbackOf } from './callbacks.ts';
import type { BrickClient } from './client.ts';
import { Clients } from './clients.ts';
import { Dispatcher } from './dispatch.ts';
import { BrickExport } from './export.ts';
import { FileProgram } from './file-program.ts';
import { HostGroups } from './groups.ts';
import { Handshake } from './handshake.ts';
import { Identities } from './identity.ts';
import { options } from './options.ts';

const MILLISECONDS = 1000;

export class ProtocolServer extends Translator<typeof options> {
  /** The listener, for faults to order: it can be paused, and its connections cut. Listens from `start` on. */
  readonly rpc: RpcServer;
  private readonly clients: Clients;
  private readonly exports: readonly BrickExport[];

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    const { options: rules, log } = this;
    if (setup.children.length === 0)
      throw new GlfsError('EINVAL', 'no brick to serve', { translator: setup.name });
    checkAuth(rules, setup.name);
    this.clients = new Clients(log);
    this.exports = setup.children.map(
      (child) => new BrickExport(child, { limit: rules['inode-lru-limit'], volumeId: rules['volume-id'] }),
    );
    const groups = new HostGroups(rules['gid-timeout'] * MILLISECONDS, log);
    const files = new FileProgram(new Identities(rules, groups), log);
    const handshake = new Handshake(rules, this.exports, this.clients, log);
    const dispatcher = new Dispatcher(rules, this.clients, files, handshake, log);
    const outstanding = rules['rpc.outstanding-rpc-limit'];
    this.rpc = new RpcServer({
      endpoint: endpointOf(rules, setup.name),
      tls: rules['transport.socket.ssl-enabled'] ? certificatesOf(rules) : undefined,
      dispatch: (call, connection) => dispatcher.answer(call, connection),
      log,
      limits: { outstanding: outstanding === 0 ? Number.POSITIVE_INFINITY : outstanding },
      handshakeTimeout: rules['handshake-timeout'] * MILLISECONDS,
      onClose: (connection) => this.clients.detach(connection),
    });
  }

  /** Nobody stands above it but the graph. */
  override get refuses(): readonly FopName[] {
    return this.children.length > 1 ? fopNames : [];
  }

  /** The port that it listens on; 0 with a unix socket, and before `start`. */
  get port(): number {
    return this.rpc.port;
  }

  /** The connections of a client, as translators below know it. */
  connectionsOf(client: Client): readonly ServerConnection[] {
    return [...((client as BrickClient).connections ?? [])];
  }

  override async start(): Promise<void> {
    await this.rpc.listen();
  }

  override async close(): Promise<void> {
    await this.rpc.close();
    await this.clients.whenGone();
  }

  protected override onEvent(event: GraphEvent, child: Subvolume): void {
    if ('client' in event && event.client !== undefined) {
      this.callClient(event.client as BrickClient, event);
      return;
    }
    if (event.kind === 'child-up' || event.kind === 'child-down') this.childIs(event, child);
    else this.emit(event);
  }

  private childIs(event: GraphEvent, child: Subvolume): void {
    const brick = this.exports.find(({ subvolume }) => subvolume === child);
    if (brick === undefined) return;
    const isUp = event.kind === 'child-up';
    if (brick.isUp !== isUp) {
      brick.isUp = isUp;
      for (const client of this.clients) if (client.export === brick) this.callClient(client, event);
    }
    if (this.exports.every((each) => each.isUp) || !isUp) this.emit(event);
  }

  /** On one of its connections: a client of several hears it once. */
  private callClient(client: BrickClient, event: GraphEvent): void {
    const [connection] = client.connections;
    const callback = callbackOf(event);
    if (connection === undefined || callback === undefined) return;
    connection.call(callback.procedure, callback.encoded);
  }

  override dump(): Record<string, unknown> {
    return {
      port: this.port,
      connections: this.rpc.connections.size,
      clients: [...this.clients].map(({ id, address, fds, calls, connections }) => ({
        id,
        address,
        fds: fds.size,
        calls,
        connections: connections.size,
      })),
      inodes: Object.fromEntries(this.exports.map(({ name, table }) => [name, table.size])),
    };
  }
}

/** A brick that nobody may attach to is a mistake in its volfile. */
function checkAuth(rules: OptionValues<typeof options>, translator: string): void {
  const some = (['auth.addr.*.allow', 'auth.login.*.allow', 'auth.login.*.ssl-allow'] as const).some(
    (key) => rules[key].size > 0,
  );
  if (!some)
    throw new GlfsError('EINVAL', 'no auth.addr.BRICK.allow and no auth.login.BRICK.allow', { translator });
}

function endpointOf(rules: OptionValues<typeof options>, translator: string): ListenEndpoint {
  const path = rules['transport.socket.listen-path'];
  if (rules['transport-type'] === 'unix') {
    if (path !== undefined) return { path };
    throw new GlfsError('EINVAL', 'option transport.socket.listen-path is missing', { translator });
  }
  const all = rules['transport.address-family'] === 'inet6' ? '::' : '0.0.0.0';
  return { host: rules['transport.socket.bind-address'] ?? all, port: rules['transport.socket.listen-port'] };
}

/** @throws GlfsError EINVAL where the files can't be read. */
function certificatesOf(rules: OptionValues<typeof options>): TlsOptions {
  try {
    return {
      ca: readFileSync(rules['transport.socket.ssl-ca-list'] ?? '/etc/ssl/glusterfs.ca'),
      cert: readFileSync(rules['transport.socket.ssl-own-cert'] ?? '/etc/ssl/glusterfs.pem'),
      key: readFileSync(rules['transport.socket.ssl-private-key'] ?? '/etc/ssl/glusterfs.key'),
      ciphers: rules['transport.socket.ssl-cipher-list'] || undefined,
    };
  } catch (cause) {
    throw new GlfsError(
      'EINVAL',
      `the server uses TLS, and its certificates can't be read: ${String(cause)}`,
      {
        cause,
      },
    );
  }
}

export const serverType: TranslatorType<typeof options> = {
  type: 'protocol/server',
  summary: 'a brick for clients of the native protocol',
  options,
  create: (setup) => new ProtocolServer(setup),
};

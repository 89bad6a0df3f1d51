/*
 * protocol/client: one brick (or one service of a server) as a subvolume.
 *
 * Promise: every fop of the table reaches the brick as it is, its answer comes back as it is, and what can't be known is
 * said: a mutating call that was under way when the connection broke ends with ENOTCONN and outcome `unknown`.
 * Hides: lost connections and restarted bricks (other port): calls that change nothing are made again, files are opened
 * again by gfid, POSIX locks are taken again without blocking, or their fd is poisoned.
 */
import { readFileSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type Fd,
  type FopFunction,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import type { ServerCall, TlsOptions } from '../../../rpc/index.ts';
import { callbackEvent } from './callbacks.ts';
import { options } from './options.ts';
import type { SessionListener, SessionOptions } from './session.ts';
import { type BrickTunables, SharedBrick } from './shared-brick.ts';
import { specials, withoutDirect } from './specials.ts';
import type { AnyRequest } from './wire.ts';

const GLUSTERD_PORT = 24007;

export class ProtocolClient extends Translator<typeof options> implements SessionListener {
  private readonly brick: SharedBrick;
  private readonly tunables: BrickTunables;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    const settings = settingsOf(setup);
    const tunables = tunablesOf(setup);
    const { log: _log, name: _name, ...identity } = settings;
    // Callers who set options of translators share with those who set the same.
    const key = `brick ${JSON.stringify([identity, setup.environment.scope])}`;
    this.brick = setup.environment.share(key, () => new SharedBrick(settings, tunables));
    this.tunables = tunables;
  }

  /** Every fop of the table, derived from it. */
  override own<K extends FopName>(fop: K): FopFunction<K> {
    const { brick } = this;
    const special = specials[fop];
    const filtered = this.options['filter-O_DIRECT'] && (fop === 'open' || fop === 'create');
    const call = async (request: AnyRequest, context: CallContext): Promise<Record<string, unknown>> => {
      if (special === undefined) return brick.invoke(fop, request, context);
      return special(brick, filtered ? withoutDirect(request) : request, context, fop);
    };
    return call as unknown as FopFunction<K>;
  }

  override async start(): Promise<void> {
    this.brick.tune(this.tunables);
    this.brick.session.attach(this);
  }

  override async close(): Promise<void> {
    this.brick.session.detach(this);
  }

  up(): void {
    this.emit({ kind: 'child-up' });
  }

  down(reason: GlfsError): void {
    this.emit({ kind: 'child-down', reason });
  }

  serverCall(call: ServerCall): void {
    try {
      const event = callbackEvent(call);
      if (event !== undefined) this.emit(event);
    } catch (err) {
      // What the brick calls about is gone; its answers are not: the connection stays.
      this.log.warn({ err, procedure: call.procedure }, 'a call of the brick could not be taken');
    }
  }

  locksLost(fd: Fd, reason: GlfsError): void {
    this.emit({ kind: 'locks-lost', gfid: fd.inode.gfid, reason });
  }

  override dump(): Record<string, unknown> {
    const { session, fds } = this.brick;
    const link = session.current;
    return {
      brick: session.brick,
      connected: session.isUp,
      server: link?.connection.server,
      program: link?.dialect.version,
      volumeId: link?.volumeId,
      calls: link?.connection.inFlight ?? 0,
      fds: fds.size,
    };
  }
}

const MILLISECONDS = 1000;

function settingsOf({ name, options: given, environment }: TranslatorSetup<typeof options>): SessionOptions {
  const defaults = environment.connection ?? {};
  const host = given['remote-host'] ?? defaults.volfileHost;
  const path = given['transport-type'] === 'unix' ? given['transport.socket.connect-path'] : undefined;
  const subvolume = given['remote-subvolume'];
  if (subvolume === undefined)
    throw new GlfsError('EINVAL', 'option remote-subvolume is missing', { translator: name });
  if (host === undefined && path === undefined) {
    throw new GlfsError('EINVAL', 'option remote-host is missing', { translator: name });
  }
  if (given['transport.socket.ssl-enabled'] && given['transport.socket.ssl-crl-path'] !== '') {
    environment.logger.warn(
      { translator: name, path: given['transport.socket.ssl-crl-path'] },
      'ssl-crl-path is not honoured: revoked certificates of bricks are accepted',
    );
  }
  return {
    name,
    host: host ?? '',
    path,
    port: given['remote-port'],
    managerPort: defaults.managerPort ?? GLUSTERD_PORT,
    subvolume,
    username: defaults.username ?? given.username,
    password: defaults.password ?? given.password,
    volumeId: given['volume-id'] ?? defaults.volumeId,
    subdirectory: defaults.subdirectory,
    tls: given['transport.socket.ssl-enabled'] ? tlsOf(given, defaults.tls) : undefined,
    managerTls: defaults.managerTls,
    privilegedPort: given['privileged-port'] || defaults.privilegedPort === true,
    highestVersion: given['program-version'],
    log: environment.logger,
  };
}

function tunablesOf({ options: given }: TranslatorSetup<typeof options>): BrickTunables {
  return {
    connectTimeout: given['connect-timeout'] * MILLISECONDS,
    pingTimeout: given['ping-timeout'] * MILLISECONDS,
    frameTimeout: given['frame-timeout'] * MILLISECONDS,
    // Who takes the locks again must hear of every loss.
    grace: given['retake-locks'] ? given['reconnect-grace'] * MILLISECONDS : 0,
    sendGroups: given['send-gids'],
    strictLocks: given['strict-locks'],
    retakeLocks: given['retake-locks'],
  };
}

/** The caller's certificates, or the files that the volfile names, or those where GlusterFS looks by default. */
function tlsOf(
  given: TranslatorSetup<typeof options>['options'],
  caller: TlsOptions | undefined,
): TlsOptions {
  if (caller !== undefined) return caller;
  try {
    return {
      ca: readFileSync(given['transport.socket.ca-list'] ?? '/etc/ssl/glusterfs.ca'),
      cert: readFileSync(given['transport.socket.own-cert'] ?? '/etc/ssl/glusterfs.pem'),
      key: readFileSync(given['transport.socket.private-key'] ?? '/etc/ssl/glusterfs.key'),
      ciphers: given['transport.socket.ssl-cipher-list'] || undefined,
    };
  } catch (cause) {
    throw new GlfsError('EINVAL', `the bricks use TLS: give certificates (option tls); ${String(cause)}`, {
      cause,
    });
  }
}

export const clientType: TranslatorType<typeof options> = {
  type: 'protocol/client',
  summary: 'one brick over the native wire protocol, connected again whenever the connection breaks',
  options,
  create: (setup) => new ProtocolClient(setup),
};

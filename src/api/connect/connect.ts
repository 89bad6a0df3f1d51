import { readFile } from 'node:fs/promises';
import { GlfsError, toGlfsError } from '../../errors.ts';
import type { ConnectionDefaults, OptionOverride } from '../../graph/index.ts';
import { type Logger, silent } from '../../logger.ts';
import type { TlsOptions } from '../../rpc/index.ts';
import { parseVolfile, servers as volfileHosts } from '../../volfile/index.ts';
import '../../xlators/index.ts';
import { Volume } from '../volume.ts';
import { GLUSTERD_PORT, parseServer, parseVolumeUrl, type VolfileServer, type VolumeAddress } from './url.ts';
import { VolfileSource } from './volfile-source.ts';
import { VolumeSession } from './volume-session.ts';

export interface VolumeOptions {
  /** Login of `auth.login`; without it the volfile's own is used. */
  readonly username?: string;
  readonly password?: string;
  /**
   * Certificates for this volume's connections. Bricks use TLS where the volfile says so (`client.ssl on`), management
   * servers with `gluster+tls://` or `managementTls`.
   */
  readonly tls?: TlsOptions;
  readonly managementTls?: boolean;
  /** Connects from ports below 1024, as servers with `allow-insecure off` want it. Needs CAP_NET_BIND_SERVICE. */
  readonly privilegedPort?: boolean;
  /** Options of translators: `{'*-client-*.ping-timeout': '10'}`, by shell pattern of their names (glfs_set_xlator_option). */
  readonly translatorOptions?: Readonly<Record<string, string>>;
  /** A pino-like logger; silent by default. No file is ever written. */
  readonly logger?: Logger;
  /** Most inodes that are remembered without being in use (default 65536). */
  readonly inodeLimit?: number;
  /** Milliseconds for which names of directories on a path are believed (default 1000; 0 asks every time). */
  readonly entryTimeout?: number;
}

export interface ConnectOptions extends VolumeOptions {
  /** Further management servers, `host[:port]`: what mount's `backupvolfile-server` names. */
  readonly backupServers?: readonly string[];
  /** Milliseconds that one management server has to answer (default 10,000). */
  readonly timeout?: number;
  /** Rounds over all servers before connecting gives up (default 3). */
  readonly rounds?: number;
  /** Ends connecting with ECANCELED. */
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT = 10_000;
const DEFAULT_ROUNDS = 3;

/**
 * Connects to a volume: `gluster://host[:port][,host2]/volume[/subdirectory]`.
 * @throws GlfsError ENOENT for an unknown volume, EACCES for a refused login, ECONNREFUSED, ETIMEDOUT … where no
 *   management server answers, ENOTCONN where no brick does, EOPNOTSUPP for a translator that glfs doesn't have, EINVAL.
 * @source glfs_new, glfs_set_volfile_server, glfs_init
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Volume> {
  const address = parseVolumeUrl(url);
  const servers = [...address.servers, ...(options.backupServers ?? []).map((server) => parseServer(server))];
  const tlsToManagers = address.tls || options.managementTls === true;
  if (tlsToManagers && options.tls === undefined) {
    throw new GlfsError('EINVAL', 'TLS towards management servers needs certificates (option tls)');
  }
  const logger = options.logger ?? silent;
  const holder: { session?: VolumeSession; latest?: string } = {};
  const source = new VolfileSource({
    volume: address.volume,
    servers,
    tls: tlsToManagers ? options.tls : undefined,
    privilegedPort: options.privilegedPort,
    timeout: options.timeout ?? DEFAULT_TIMEOUT,
    rounds: options.rounds ?? DEFAULT_ROUNDS,
    signal: options.signal,
    logger,
    onVolfile: (text) => {
      source.learn(hostsOf(text), managerPort(source.server));
      holder.latest = text;
      holder.session?.changeTo(text);
    },
  });
  try {
    const text = await source.first();
    source.learn(hostsOf(text), managerPort(source.server));
    const session = new VolumeSession({
      volume: address.volume,
      logger,
      source,
      overrides: overridesOf(options.translatorOptions),
      inodeLimit: options.inodeLimit,
      entryTimeout: options.entryTimeout,
      connection: connectionOf(address, source.server ?? servers[0]!, options, tlsToManagers),
    });
    await session.start(text, options.signal);
    holder.session = session;
    // The volume may have changed while its first graph was starting.
    if (holder.latest !== undefined) session.changeTo(holder.latest);
    return new Volume(session, { name: nameOf(address) });
  } catch (error) {
    source.close();
    throw error;
  }
}

/** @throws GlfsError what reading the file says, ENOENT for instance. */
async function textOf(file: URL): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw toGlfsError(error, { syscall: 'open', path: file.pathname });
  }
}

/** A volfile that the caller has: its text, or where the file is. */
export interface FromVolfileOptions extends VolumeOptions {
  /** For messages (default `volfile`). */
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/**
 * Connects by a hand-written volfile, without a management server (its bricks need `remote-port` or a glusterd that
 * knows them).
 * @throws GlfsError EINVAL with line and column for a malformed volfile, and as `connect` does.
 * @source glfs_set_volfile
 */
export async function fromVolfile(volfile: string | URL, options: FromVolfileOptions = {}): Promise<Volume> {
  const text = typeof volfile === 'string' ? volfile : await textOf(volfile);
  const name = options.name ?? 'volfile';
  const session = new VolumeSession({
    volume: name,
    logger: options.logger ?? silent,
    overrides: overridesOf(options.translatorOptions),
    inodeLimit: options.inodeLimit,
    entryTimeout: options.entryTimeout,
    connection: {
      username: options.username,
      password: options.password,
      tls: options.tls,
      managerTls: options.managementTls === true ? options.tls : undefined,
      privilegedPort: options.privilegedPort,
    },
  });
  await session.start(text, options.signal);
  return new Volume(session, { name });
}

function connectionOf(
  address: VolumeAddress,
  server: VolfileServer,
  options: VolumeOptions,
  managerTls: boolean,
): ConnectionDefaults {
  return {
    username: options.username,
    password: options.password,
    tls: options.tls,
    managerTls: managerTls ? options.tls : undefined,
    privilegedPort: options.privilegedPort,
    // Behind a unix socket is the glusterd of this machine.
    volfileHost: server.transport === 'tcp' ? server.host : 'localhost',
    managerPort: managerPort(server),
    subdirectory: address.subdirectory === undefined ? undefined : `/${address.subdirectory}`,
  };
}

function managerPort(server: VolfileServer | undefined): number {
  return server?.transport === 'tcp' ? server.port : GLUSTERD_PORT;
}

function nameOf({ volume, subdirectory }: VolumeAddress): string {
  const name = volume.replace(/^\//, '');
  return subdirectory === undefined ? name : `${name}/${subdirectory}`;
}

function hostsOf(text: string): string[] {
  try {
    return volfileHosts(parseVolfile(text));
  } catch {
    return [];
  }
}

/** @throws GlfsError EINVAL for a key that is not `pattern.option`. */
function overridesOf(options: Readonly<Record<string, string>> = {}): OptionOverride[] {
  return Object.entries(options).map(([name, value]) => {
    const dot = name.indexOf('.');
    if (dot <= 0 || dot === name.length - 1) {
      throw new GlfsError(
        'EINVAL',
        `translator option '${name}': PATTERN.OPTION is expected, e.g. '*-client-*.ping-timeout'`,
      );
    }
    return { pattern: name.slice(0, dot), key: name.slice(dot + 1), value };
  });
}

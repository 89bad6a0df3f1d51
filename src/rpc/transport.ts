import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { checkServerIdentity, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { onAbort } from '../abort.ts';
import { type ErrnoCode, errnoByCode, GlfsError, toGlfsError } from '../errors.ts';

/** Certificates for one connection; PEM text or buffers, as node:tls takes them. */
export interface TlsOptions {
  readonly ca?: string | Buffer | (string | Buffer)[];
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  /**
   * Checks that the certificate was issued for the host. Off by default, as GlusterFS has it: its servers are known by
   * the CA alone, and their common names are lists for `auth.ssl-allow`.
   */
  readonly verifyHost?: boolean;
  readonly ciphers?: string;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** Where to connect to. */
export type Endpoint =
  | {
      readonly host: string;
      readonly port: number;
      readonly tls?: TlsOptions;
      readonly privilegedPort?: boolean;
    }
  | { readonly path: string; readonly tls?: TlsOptions };

export interface ConnectOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** Receives what arrives, in a buffer that is used again after the call. */
  readonly onBytes: (bytes: Uint8Array) => void;
}

/**
 * One receive buffer for all connections of the thread: libuv fills it and calls back at once, and whoever is called
 * takes what it needs before it returns.
 */
const receiveBuffer = Buffer.allocUnsafeSlow(1 << 20);

export function describeEndpoint(endpoint: Endpoint): string {
  if ('path' in endpoint) return endpoint.path;
  const host = isIP(endpoint.host) === 6 ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

/** @throws GlfsError ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ECANCELED, EPROTO (TLS), EINVAL (certificates that can't be read) and whatever connect(2) says. */
export async function openSocket(endpoint: Endpoint, options: ConnectOptions): Promise<Socket> {
  if ('path' in endpoint || endpoint.privilegedPort !== true) return openOnce(endpoint, options, undefined);
  return openPrivileged(endpoint, options);
}

const PRIVILEGED_TOP = 1023;
const PRIVILEGED_BOTTOM = 512;

/** Binds downward from 1023, as the servers of old wanted it. */
async function openPrivileged(endpoint: Endpoint, options: ConnectOptions): Promise<Socket> {
  for (let port = PRIVILEGED_TOP; port >= PRIVILEGED_BOTTOM; port--) {
    try {
      return await openOnce(endpoint, options, port);
    } catch (error) {
      const code = (error as GlfsError).code;
      if (code === 'EACCES') {
        throw new GlfsError('EACCES', 'a source port below 1024 needs CAP_NET_BIND_SERVICE', {
          cause: error,
        });
      }
      if (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL') throw error;
    }
  }
  throw new GlfsError('EADDRINUSE', 'no source port from 512 to 1023 is free');
}

function openOnce(
  endpoint: Endpoint,
  options: ConnectOptions,
  localPort: number | undefined,
): Promise<Socket> {
  const where = describeEndpoint(endpoint);
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(new GlfsError('ECANCELED', 'connecting was aborted'));
    let socket: Socket;
    try {
      socket = makeSocket(endpoint, options, localPort);
    } catch (error) {
      // Certificates that are none, ports that are none.
      return reject(new GlfsError('EINVAL', `cannot connect to ${where}: ${text(error)}`, { cause: error }));
    }
    const timer = setTimeout(
      () => fail(new GlfsError('ETIMEDOUT', `no connection to ${where} within ${options.timeout} ms`)),
      options.timeout,
    );
    const unwatch =
      options.signal === undefined
        ? undefined
        : onAbort(options.signal, () =>
            fail(new GlfsError('ECANCELED', 'connecting was aborted', { cause: options.signal?.reason })),
          );
    const failed = (error: Error): void => {
      fail(
        new GlfsError(
          codeOf(error, endpoint.tls !== undefined),
          `cannot connect to ${where}: ${text(error)}`,
          { cause: error },
        ),
      );
    };
    const closed = (): void => fail(new GlfsError('ECONNRESET', `${where} closed the connection at once`));
    const ready = endpoint.tls === undefined ? 'connect' : 'secureConnect';
    const settle = (): void => {
      clearTimeout(timer);
      unwatch?.();
      socket.off('error', failed).off('close', closed).off(ready, succeed);
    };
    const fail = (error: GlfsError): void => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const succeed = (): void => {
      settle();
      // Until the connection listens itself.
      socket.on('error', () => {});
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 20_000);
      resolve(socket);
    };
    socket.once('error', failed).once('close', closed).once(ready, succeed);
  });
}

/** Names that don't resolve are no system errors; with TLS, what is neither was said by TLS. */
function codeOf(error: Error, tls: boolean): ErrnoCode {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'EHOSTUNREACH';
  return tls && !(code in errnoByCode) ? 'EPROTO' : toGlfsError(error).code;
}

/** Several addresses of a host that all failed come as an AggregateError without words of its own. */
function text(error: unknown): string {
  const all = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  return all.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
}

function makeSocket(
  endpoint: Endpoint,
  options: ConnectOptions,
  localPort: number | undefined,
): Socket | TLSSocket {
  const onread = {
    buffer: receiveBuffer,
    callback: (length: number, buffer: Uint8Array): boolean => {
      options.onBytes(buffer.subarray(0, length));
      return true;
    },
  };
  const target =
    'path' in endpoint ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port, localPort };
  if (endpoint.tls === undefined) return tcpConnect({ ...target, onread, noDelay: true });
  const { verifyHost, ...certificates } = endpoint.tls;
  const servername = 'host' in endpoint && isIP(endpoint.host) === 0 ? endpoint.host : undefined;
  const socket = tlsConnect({
    ...target,
    ...certificates,
    minVersion: certificates.minVersion ?? 'TLSv1.2',
    servername,
    checkServerIdentity: verifyHost === true ? checkServerIdentity : () => undefined,
    rejectUnauthorized: true,
  });
  // node:tls ignores `onread`; the plain events do.
  socket.on('data', (bytes: Buffer) => options.onBytes(bytes));
  return socket;
}

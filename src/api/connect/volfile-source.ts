import pRetry from 'p-retry';
import { GlfsError, isGlfsError, toGlfsError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Gfid } from '../../protocol/gfid.ts';
import type { TlsOptions } from '../../rpc/index.ts';
import { ManagementConnection } from './management.ts';
import { serverName, type VolfileServer } from './url.ts';

export interface VolfileSourceOptions {
  readonly volume: string;
  /** Named by the caller; tried first. */
  readonly servers: readonly VolfileServer[];
  readonly tls?: TlsOptions;
  readonly privilegedPort?: boolean;
  /** Milliseconds that one server has to answer. */
  readonly timeout: number;
  /** Rounds over all servers until the first connect gives up. */
  readonly rounds: number;
  readonly signal?: AbortSignal;
  readonly logger: Logger;
  /** The volfile is, or may be, another one: also called when a server was found again after a loss. */
  readonly onVolfile: (text: string) => void;
  /** Randomness of the order, 0 to 1. */
  readonly random?: () => number;
}

const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;

/**
 * The management servers of one volume: one that answers is kept for its callbacks; when it is lost, all known ones are
 * tried round and round with back-off, so a server that is back is used again.
 */
export class VolfileSource {
  private readonly learnt = new Map<string, VolfileServer>();
  private current: ManagementConnection | undefined;
  private readonly ending = new AbortController();
  private refetching: Promise<void> | undefined;
  private again = false;

  constructor(private readonly options: VolfileSourceOptions) {}

  /** Address of the server in use. */
  get server(): VolfileServer | undefined {
    return this.current?.server;
  }

  /** Servers that the volfile itself names: any of them manages the volume too. */
  learn(hosts: readonly string[], port: number): void {
    for (const host of hosts) {
      const server: VolfileServer = { transport: 'tcp', host, port };
      this.learnt.set(serverName(server), server);
    }
  }

  /**
   * The volfile, from whichever server answers first. Servers are tried in random order: a thousand clients that start at
   * once shall not all fall on the same one.
   * @throws GlfsError the most telling of what the servers said; `cause` is an AggregateError of all.
   */
  async first(): Promise<string> {
    const { signal } = this.options;
    try {
      return await pRetry(() => this.round(signal), {
        retries: Math.max(0, this.options.rounds - 1),
        minTimeout: FIRST_DELAY,
        maxTimeout: LONGEST_DELAY,
        randomize: true,
        signal,
        shouldRetry: ({ error }) => !isGlfsError(error, 'ENOENT', 'EACCES', 'EOPNOTSUPP', 'ECANCELED'),
      });
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      throw new GlfsError('ECANCELED', 'connecting was aborted', { cause: signal.reason });
    }
  }

  /** `connecting` ends this round; the caller's signal means the first connect only, not what comes after. */
  private async round(connecting?: AbortSignal): Promise<string> {
    const errors: GlfsError[] = [];
    for (const server of this.candidates()) {
      try {
        return await this.ask(server, connecting);
      } catch (error) {
        const known = toGlfsError(error);
        if (isGlfsError(known, 'ECANCELED')) throw known;
        this.options.logger.debug(
          { err: known, server: serverName(server) },
          'management server gives no volfile',
        );
        errors.push(known);
      }
    }
    throw mostTelling(this.options.volume, errors);
  }

  /** The caller's servers in random order, then those that were learnt. */
  private candidates(): VolfileServer[] {
    const random = this.options.random ?? Math.random;
    const named = shuffled(this.options.servers, random);
    const names = new Set(named.map(serverName));
    const others = [...this.learnt.values()].filter((server) => !names.has(serverName(server)));
    return [...named, ...shuffled(others, random)];
  }

  private async ask(server: VolfileServer, connecting?: AbortSignal): Promise<string> {
    const { volume, tls, privilegedPort, timeout } = this.options;
    const signal =
      connecting === undefined ? this.ending.signal : AbortSignal.any([connecting, this.ending.signal]);
    const holder: { connection?: ManagementConnection; changed?: boolean } = {};
    const connection = await ManagementConnection.open({
      server,
      tls,
      privilegedPort,
      timeout,
      signal,
      onVolfileChanged: () => {
        holder.changed = true;
        if (holder.connection !== undefined) this.changed();
      },
      onClose: (reason) => this.lost(holder.connection, reason),
    });
    try {
      const text = await connection.volfile(volume, signal);
      // Both may come together with the answer.
      if (!connection.open)
        throw new GlfsError('ENOTCONN', `server ${connection.name} closed the connection`);
      if (this.ending.signal.aborted) throw new GlfsError('ECANCELED', 'the volume was closed');
      holder.connection = connection;
      this.current = connection;
      if (holder.changed === true) this.changed();
      return text;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private lost(connection: ManagementConnection | undefined, reason: GlfsError): void {
    if (connection === undefined || connection !== this.current || this.ending.signal.aborted) return;
    this.current = undefined;
    this.options.logger.info({ err: reason, server: connection.name }, 'management server lost');
    void this.reconnect();
  }

  private async reconnect(): Promise<void> {
    try {
      const text = await pRetry(() => this.round(), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: FIRST_DELAY,
        maxTimeout: LONGEST_DELAY,
        randomize: true,
        unref: true,
        signal: this.ending.signal,
      });
      // What changed meanwhile was not called back.
      this.options.onVolfile(text);
    } catch (error) {
      if (!this.ending.signal.aborted)
        this.options.logger.error({ err: error }, 'no management server can be reached');
    }
  }

  /** Fetches again; calls that come meanwhile lead to one more fetch. */
  private changed(): void {
    if (this.refetching !== undefined) {
      this.again = true;
      return;
    }
    this.refetching = this.refetch().finally(() => {
      this.refetching = undefined;
      if (!this.again) return;
      this.again = false;
      this.changed();
    });
  }

  /** A server that was lost meanwhile is no loss: whoever takes its place is asked for the volfile at once. */
  private async refetch(): Promise<void> {
    const connection = this.current;
    if (connection === undefined) return;
    const { signal } = this.ending;
    try {
      const text = await pRetry(() => connection.volfile(this.options.volume, signal), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: FIRST_DELAY,
        maxTimeout: LONGEST_DELAY,
        randomize: true,
        unref: true,
        signal,
        shouldRetry: ({ error }) => {
          this.options.logger.warn({ err: error }, 'the changed volfile could not be fetched');
          return connection === this.current;
        },
      });
      this.options.onVolfile(text);
    } catch (error) {
      if (!signal.aborted && connection === this.current)
        this.options.logger.error({ err: error }, 'the changed volfile could not be fetched');
    }
  }

  /** UUID of the volume. @throws GlfsError ENOTCONN while no management server is connected. */
  async volumeId(): Promise<Gfid> {
    if (this.current === undefined) throw new GlfsError('ENOTCONN', 'no management server is connected');
    return this.current.volumeId(this.options.volume.replace(/^\/snaps\/[^/]+\//, ''));
  }

  close(): void {
    this.ending.abort();
    this.current?.close();
    this.current = undefined;
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [result[index], result[other]] = [result[other]!, result[index]!];
  }
  return result;
}

/** A server that answered says more than one that could not be reached. */
function mostTelling(volume: string, errors: readonly GlfsError[]): GlfsError {
  const cause =
    errors.length === 1
      ? errors[0]
      : new AggregateError(errors, `no management server gave a volfile of ${volume}`);
  const answered =
    errors.find((error) => isGlfsError(error, 'ENOENT', 'EOPNOTSUPP', 'EACCES', 'EIO')) ?? errors[0];
  if (answered === undefined) return new GlfsError('EINVAL', 'no management server is named');
  const all = errors.map((error) => error.reason).join('; ');
  return new GlfsError(answered.code, errors.length === 1 ? answered.reason : `volume ${volume}: ${all}`, {
    cause,
  });
}

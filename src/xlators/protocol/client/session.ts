import { setImmediate as turn } from 'node:timers/promises';
import pRetry from 'p-retry';
import { onAbort } from '../../../abort.ts';
import { GlfsError, isGlfsError, toGlfsError } from '../../../errors.ts';
import { type CallContext, type Fd, throwIfEnded, whileWaiting } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { procedures } from '../../../protocol/handshake.ts';
import { Connection, type Endpoint, type ServerCall, type TlsOptions } from '../../../rpc/index.ts';
import { attach, newProcessUuid } from './brick-handshake.ts';
import type { Link } from './link.ts';
import { brickPort } from './portmap.ts';

export interface SessionOptions {
  /** Name of the translator, for messages and for the brick's list of clients. */
  readonly name: string;
  readonly host: string;
  /** 0: ask the manager. */
  readonly port: number;
  readonly managerPort: number;
  /** Path of a unix socket, instead of host and port. */
  readonly path?: string;
  readonly subvolume: string;
  readonly username?: string;
  readonly password?: string;
  readonly volumeId?: string;
  readonly subdirectory?: string;
  readonly tls?: TlsOptions;
  /** TLS towards the manager too (secure-access). */
  readonly managerTls?: TlsOptions;
  readonly privilegedPort: boolean;
  readonly highestVersion: number;
  readonly log: Logger;
}

/** What may change while the session lives: the volume's administrator sets it, and nothing that lives on the brick minds. */
export interface Tunables {
  /** All in milliseconds. */
  readonly connectTimeout: number;
  readonly pingTimeout: number;
  readonly frameTimeout: number;
  readonly grace: number;
}

/** Those who want to know of a session: one translator per graph that uses it. */
export interface SessionListener {
  up(): void;
  down(reason: GlfsError): void;
  serverCall(call: ServerCall): void;
  locksLost(fd: Fd, reason: GlfsError): void;
}

/** Retries start at once and slow down: a restarted brick is back within a second, a dead one costs little. */
const FIRST_DELAY = 50;
const LONGEST_DELAY = 3_000;

type State = 'idle' | 'connecting' | 'up' | 'grace' | 'down' | 'closed';

/**
 * The connection to one brick, made again whenever it breaks. It outlives graphs: fds and locks live on it, and the
 * next graph of the volume takes it over as it is.
 */
export class BrickSession {
  private state: State = 'idle';
  private link: Link | undefined;
  private reason: GlfsError = new GlfsError('ENOTCONN', 'not connected yet');
  private graceTimer: NodeJS.Timeout | undefined;
  private readonly waiting = new Set<() => void>();
  private readonly listeners = new Set<SessionListener>();
  private readonly ending = new AbortController();
  private startedAt = 0;
  /** Runs after every reconnect, before other calls are let through: fds and locks are taken again. */
  restore: ((link: Link) => Promise<void>) | undefined;

  constructor(
    readonly options: SessionOptions,
    private tunables: Tunables,
  ) {}

  tune(tunables: Tunables): void {
    this.tunables = tunables;
    this.link?.connection.tune(tunables);
  }

  /** `host:/path` as `gluster volume info` names it. */
  get brick(): string {
    return `${this.options.path ?? this.options.host}:${this.options.subvolume}`;
  }

  get isUp(): boolean {
    return this.state === 'up';
  }

  get current(): Link | undefined {
    return this.state === 'up' ? this.link : undefined;
  }

  locksLost(fd: Fd, reason: GlfsError): void {
    this.options.log.error({ err: reason, brick: this.brick, gfid: fd.inode.toString() }, 'locks lost');
    for (const listener of [...this.listeners]) listener.locksLost(fd, reason);
  }

  /** Tells the listener how the session stands, now or as soon as it is known. */
  attach(listener: SessionListener): void {
    this.listeners.add(listener);
    if (this.state === 'idle') {
      this.state = 'connecting';
      this.startedAt = performance.now();
      void this.connect();
    } else if (this.state === 'up' || this.state === 'grace') listener.up();
    else if (this.state === 'down') listener.down(this.unavailable());
  }

  detach(listener: SessionListener): void {
    this.listeners.delete(listener);
  }

  /**
   * The link to make a call on. While a lost connection may still come back, callers wait.
   * @throws GlfsError ENOTCONN where the brick is down; ECANCELED, ETIMEDOUT where the caller's wait ends.
   */
  async available(context: CallContext): Promise<Link> {
    for (;;) {
      if (this.state === 'up') return this.link!;
      if (this.state === 'closed') throw this.unavailable();
      if (this.state === 'down') {
        // Whoever tries again at once, and again, must not keep sockets and timers from their turn: we could never come back.
        await turn();
        if ((this.state as State) === 'down') throw this.unavailable();
      } else await this.change(context);
    }
  }

  /** Waits until the state changes or the caller's wait ends. */
  private async change(context: CallContext): Promise<void> {
    throwIfEnded(context);
    let wake = (): void => {};
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.waiting.add(wake);
    try {
      await whileWaiting(changed, context);
    } finally {
      this.waiting.delete(wake);
    }
  }

  private unavailable(): GlfsError {
    return new GlfsError('ENOTCONN', `brick ${this.brick} is down: ${this.reason.reason}`, {
      brick: this.brick,
      translator: this.options.name,
      cause: this.reason,
    });
  }

  private setState(state: State): void {
    if (this.state === 'closed') return;
    this.state = state;
    if (this.graceTimer !== undefined && state !== 'grace') {
      clearTimeout(this.graceTimer);
      this.graceTimer = undefined;
    }
    for (const wake of this.waiting) wake();
  }

  private async connect(): Promise<void> {
    const attempt = async (): Promise<Link> => {
      try {
        return await this.open();
      } catch (error) {
        const known = toGlfsError(error);
        this.failed(known);
        throw known;
      }
    };
    try {
      const link = await pRetry(attempt, {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: FIRST_DELAY,
        maxTimeout: LONGEST_DELAY,
        factor: 1.6,
        randomize: true,
        unref: true,
        signal: this.ending.signal,
      });
      this.connected(link);
    } catch (error) {
      if (this.state !== 'closed')
        this.options.log.error({ err: error, brick: this.brick }, 'giving up on the brick');
    }
  }

  private failed(reason: GlfsError): void {
    this.options.log.debug({ err: reason, brick: this.brick }, 'connecting to the brick failed');
    this.reason = reason;
    // A brick that is still starting says so, and is soon ready.
    const starting =
      isGlfsError(reason, 'EAGAIN') && performance.now() - this.startedAt < this.tunables.connectTimeout;
    if (this.state === 'connecting' && !starting) this.goDown();
    // Whom the brick refuses it will not take back within the grace.
    if (this.state === 'grace' && isGlfsError(reason, 'EACCES', 'EPROTONOSUPPORT')) this.goDown();
  }

  private goDown(): void {
    this.setState('down');
    const error = this.unavailable();
    this.options.log.warn({ err: error, brick: this.brick }, 'brick is down');
    for (const listener of [...this.listeners]) listener.down(error);
  }

  private async open(): Promise<Link> {
    const { options, tunables } = this;
    const endpoint = await this.endpoint();
    const { signal } = this.ending;
    const holder: { link?: Link } = {};
    const connection = await Connection.open({
      endpoint,
      connectTimeout: tunables.connectTimeout,
      pingTimeout: tunables.pingTimeout,
      frameTimeout: tunables.frameTimeout,
      ping: procedures.ping,
      signal,
      onServerCall: (call) => {
        for (const listener of [...this.listeners]) listener.serverCall(call);
      },
      onClose: (reason) => this.lost(holder.link, reason),
    });
    const unwatch = onAbort(signal, () => connection.destroy());
    try {
      const attached = await attach(
        connection,
        {
          subvolume: options.subvolume,
          username: options.username,
          password: options.password,
          volumeId: options.volumeId,
          subdirectory: options.subdirectory,
          processUuid: newProcessUuid(options.name),
          highestVersion: options.highestVersion,
        },
        performance.now() + tunables.connectTimeout,
      );
      const link = { connection, ...attached };
      await this.restore?.(link);
      if (signal.aborted) throw this.reason;
      holder.link = link;
      return link;
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      unwatch();
    }
  }

  private async endpoint(): Promise<Endpoint> {
    const { path, host, tls, privilegedPort } = this.options;
    if (path !== undefined) return { path, tls };
    if (this.options.port !== 0) return { host, port: this.options.port, tls, privilegedPort };
    const port = await brickPort({
      manager: { host, port: this.options.managerPort, tls: this.options.managerTls, privilegedPort },
      subvolume: this.options.subvolume,
      timeout: this.tunables.connectTimeout,
      signal: this.ending.signal,
    });
    return { host, port, tls, privilegedPort };
  }

  private connected(link: Link): void {
    if (this.state === 'closed') {
      link.connection.destroy();
      return;
    }
    const wasUp = this.state === 'grace';
    this.link = link;
    this.setState('up');
    this.options.log.info({ brick: this.brick, server: link.connection.server }, 'connected to brick');
    if (!wasUp) for (const listener of [...this.listeners]) listener.up();
    // The connection may have ended between the handshake and here.
    if (!link.connection.open)
      this.lost(link, new GlfsError('ECONNRESET', 'the server closed the connection'));
  }

  private lost(link: Link | undefined, reason: GlfsError): void {
    if (link === undefined || link !== this.link || this.state !== 'up') return;
    this.link = undefined;
    this.reason = reason;
    this.options.log.warn({ err: reason, brick: this.brick }, 'connection to brick lost');
    if (this.tunables.grace > 0) {
      this.setState('grace');
      this.graceTimer = setTimeout(() => this.goDown(), this.tunables.grace);
    } else {
      this.goDown();
    }
    void this.connect();
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    const link = this.link;
    this.reason = new GlfsError('ENOTCONN', 'the volume was closed');
    this.setState('closed');
    this.ending.abort();
    this.listeners.clear();
    link?.connection.destroy();
  }
}

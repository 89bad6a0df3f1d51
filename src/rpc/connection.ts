import type { Socket } from 'node:net';
import { GlfsError, toGlfsError } from '../errors.ts';
import { copyBytes } from '../xdr/index.ts';
import type { Call } from './call.ts';
import { authNone } from './credentials.ts';
import {
  callHeaderLength,
  MessageType,
  type Procedure,
  readCall,
  type ServerCall,
  writeCallHeader,
} from './message.ts';
import { Outbox } from './outbox.ts';
import { PendingCall } from './pending.ts';
import { type Recipient, RecordReader } from './record.ts';
import { describeEndpoint, type Endpoint, openSocket } from './transport.ts';
import { Watchdog } from './watchdog.ts';
import { XidTable } from './xid-table.ts';

/** Bricks read no further while this many calls of a connection are unanswered (server.outstanding-rpc-limit). */
const OUTSTANDING = 64;
const SERVER_CALL: Recipient = { limit: 1 << 20 };
const NO_ARGUMENTS = new Uint8Array(0);

export interface ConnectionOptions {
  readonly endpoint: Endpoint;
  /** Milliseconds until connecting gives up. */
  readonly connectTimeout?: number;
  /** Milliseconds without a sign of life, while calls wait, until the connection counts as dead. 0: never. */
  readonly pingTimeout?: number;
  /** Milliseconds until a call that the server doesn't answer fails. 0: never. */
  readonly frameTimeout?: number;
  /** What a ping is: a procedure without arguments. */
  readonly ping?: Procedure;
  readonly signal?: AbortSignal;
  /** Calls that the server makes; `arguments` is valid during the call only. */
  readonly onServerCall?: (call: ServerCall) => void;
  /** Called once, when the connection has ended and every call has settled. */
  readonly onClose?: (reason: GlfsError) => void;
}

/** One connection to a GlusterFS server: any number of calls at once, answered in any order. */
export class Connection {
  private readonly table = new XidTable<PendingCall>();
  private readonly queue: PendingCall[] = [];
  private queueHead = 0;
  private outstanding = 0;
  private readonly outbox: Outbox;
  private readonly watchdog: Watchdog;
  private ended: GlfsError | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
    reader: { current: RecordReader | undefined },
  ) {
    this.outbox = new Outbox(socket);
    this.watchdog = new Watchdog({
      pingTimeout: options.pingTimeout ?? 0,
      frameTimeout: options.frameTimeout ?? 0,
      pending: this.table,
      ping: options.ping === undefined ? undefined : (done) => this.ping(options.ping!, done),
      dead: (reason) => this.end(reason),
    });
    reader.current = new RecordReader({
      recipient: (xid, type) => (type === MessageType.CALL ? SERVER_CALL : this.table.get(xid)),
      record: (xid, type, record, bulk) => this.onRecord(xid, type, record, bulk),
    });
    socket.on('error', (error) =>
      this.end(new GlfsError(toGlfsError(error).code, error.message, { cause: error })),
    );
    socket.on('close', () => this.end(new GlfsError('ECONNRESET', 'the server closed the connection')));
    socket.on('end', () => this.end(new GlfsError('ECONNRESET', 'the server closed the connection')));
  }

  /** @throws GlfsError as openSocket does. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const reader: { current: RecordReader | undefined } = { current: undefined };
    let connection: Connection | undefined;
    const socket = await openSocket(options.endpoint, {
      timeout: options.connectTimeout ?? 10_000,
      signal: options.signal,
      onBytes: (bytes) => {
        connection?.watchdog.alive();
        try {
          reader.current?.push(bytes);
        } catch (error) {
          connection?.end(toGlfsError(error));
        }
      },
    });
    connection = new Connection(socket, options, reader);
    return connection;
  }

  get open(): boolean {
    return this.ended === undefined;
  }

  /** Address of the server, for messages. */
  get server(): string {
    return describeEndpoint(this.options.endpoint);
  }

  get localPort(): number | undefined {
    return this.socket.localPort;
  }

  /** Calls that wait for an answer or for their turn. */
  get inFlight(): number {
    return this.table.size + this.queue.length - this.queueHead;
  }

  /**
   * Makes a call.
   * @throws GlfsError what `decode` throws; ENOTCONN where the connection ended (outcome `unknown` if the call was sent);
   *   ECANCELED and ETIMEDOUT where the caller's wait ended.
   */
  call<T>(call: Call<T>): Promise<T> {
    if (this.ended !== undefined || call.signal?.aborted) {
      call.finished?.();
      return Promise.reject(this.ended === undefined ? aborted(call) : this.lost(this.ended, false));
    }
    return new Promise<T>((resolve, reject) => {
      const pending = new PendingCall<T>(call, resolve, reject, this.onAbandoned) as PendingCall;
      const waits =
        call.lane === 'data' && (this.outstanding >= OUTSTANDING || this.queueHead < this.queue.length);
      if (waits || this.table.full) this.queue.push(pending);
      else this.send(pending);
    });
  }

  private send(pending: PendingCall): void {
    const { call } = pending;
    const payload = call.payload ?? [];
    let length = call.arguments.length;
    for (const part of payload) length += part.length;
    const header = callHeaderLength(call.credential);
    pending.xid = this.table.add(pending);
    pending.sent = true;
    pending.sentAt = performance.now();
    if (call.lane === 'data') this.outstanding++;
    this.watchdog.sent();
    const { buffer, at } = this.outbox.reserve(header + call.arguments.length);
    const end = writeCallHeader(buffer, at, pending.xid, call.procedure, call.credential, length);
    buffer.set(call.arguments, end);
    for (const part of payload) if (part.length > 0) this.outbox.payload(part, pending.stablePayload);
  }

  private onRecord(xid: number, type: number, record: Uint8Array, bulk: Uint8Array | undefined): void {
    if (type === MessageType.CALL) {
      this.options.onServerCall?.(readCall(record));
      return;
    }
    const pending = this.table.remove(xid);
    if (pending === undefined) return;
    if (pending.call.lane === 'data') this.outstanding--;
    pending.answer(record, bulk);
    pending.call.finished?.();
    this.pump();
  }

  /** Sends what waits, as far as there is room. */
  private pump(): void {
    while (this.queueHead < this.queue.length && this.outstanding < OUTSTANDING && !this.table.full) {
      const next = this.queue[this.queueHead++]!;
      if (next.settled) next.call.finished?.();
      else this.send(next);
    }
    if (this.queueHead === this.queue.length) {
      this.queue.length = 0;
      this.queueHead = 0;
    } else if (this.queueHead > 1024) {
      this.queue.splice(0, this.queueHead);
      this.queueHead = 0;
    }
  }

  /** The slot of an abandoned call stays taken until its answer comes: its fd may still be in use at the server. */
  private readonly onAbandoned = (_pending: PendingCall): void => {};

  private ping(procedure: Procedure, done: () => void): void {
    this.call({
      procedure,
      credential: authNone,
      arguments: NO_ARGUMENTS,
      lane: 'control',
      decode: () => undefined,
    }).then(done, done);
  }

  private lost(reason: GlfsError, sent: boolean): GlfsError {
    return new GlfsError('ENOTCONN', `connection to ${this.server} lost: ${reason.reason}`, {
      cause: reason,
      outcome: sent ? 'unknown' : 'failed',
    });
  }

  private end(reason: GlfsError): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.watchdog.stop();
    this.outbox.close();
    this.socket.on('error', () => {});
    this.socket.destroy();
    const queued = this.queue.splice(0).slice(this.queueHead);
    this.queueHead = 0;
    for (const pending of this.table.clear()) this.drop(pending, reason, true);
    for (const pending of queued) this.drop(pending, reason, false);
    this.options.onClose?.(reason);
  }

  private drop(pending: PendingCall, reason: GlfsError, sent: boolean): void {
    pending.fail(this.lost(reason, sent));
    pending.call.finished?.();
  }

  /** Ends the connection; calls in flight fail with ENOTCONN. */
  destroy(reason = new GlfsError('ENOTCONN', 'the connection was closed')): void {
    this.end(reason);
  }
}

function aborted(call: Call<unknown>): GlfsError {
  return new GlfsError('ECANCELED', 'the call was aborted', { cause: call.signal?.reason });
}

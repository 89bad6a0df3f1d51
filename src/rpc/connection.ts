import type { Socket } from 'node:net';
import { GlfsError, toGlfsError } from '../errors.ts';
import { copyBytes } from '../xdr/index.ts';
import type { Call } from './call.ts';
import { authNone } from './credentials.ts';
import { Lanes } from './lanes.ts';
import {
  callHeaderLength,
  MessageType,
  type Procedure,
  readCall,
  type ServerCall,
  writeCallHeader,
} from './message.ts';
import { Outbox } from './outbox.ts';
import { deadlinePassed, PendingCall } from './pending.ts';
import { type Recipient, RecordReader } from './record.ts';
import { describeEndpoint, type Endpoint, openSocket } from './transport.ts';
import { type Timeouts, Watchdog } from './watchdog.ts';
import { XidTable } from './xid-table.ts';

const SERVER_CALL: Recipient = { limit: 1 << 20, settled: false };
/** A record mark has 31 bits; more than the longest header is left for it. */
const MAX_LENGTH = 0x7fff_ffff - 4096;
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
  private readonly lanes = new Lanes(this.table);
  private readonly outbox: Outbox;
  private readonly watchdog: Watchdog;
  private readonly reader: RecordReader;
  private ended: GlfsError | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
  ) {
    this.outbox = new Outbox(socket, options.endpoint.tls !== undefined);
    this.watchdog = new Watchdog({
      pingTimeout: options.pingTimeout ?? 0,
      frameTimeout: options.frameTimeout ?? 0,
      waiting: () => this.inFlight,
      expire: (time) => this.expire(time),
      ping: options.ping === undefined ? undefined : (done) => this.ping(options.ping!, done),
      dead: (reason) => this.end(reason),
    });
    this.reader = new RecordReader({
      recipient: (xid, type) => (type === MessageType.CALL ? SERVER_CALL : this.table.get(xid)),
      record: (xid, type, record, bulk) => this.onRecord(xid, type, record, bulk),
    });
    socket.on('error', (error) =>
      this.end(new GlfsError(toGlfsError(error).code, error.message, { cause: error })),
    );
    socket.on('close', () => this.end(closedByServer()));
    socket.on('end', () => this.end(closedByServer()));
    if (socket.destroyed) this.end(closedByServer());
  }

  /** @throws GlfsError as openSocket does. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    let connection: Connection | undefined;
    const early: Uint8Array[] = [];
    const socket = await openSocket(options.endpoint, {
      timeout: options.connectTimeout ?? 10_000,
      signal: options.signal,
      // With TLS the first bytes can come in the same tick as the end of the handshake.
      onBytes: (bytes) =>
        connection === undefined ? early.push(copyBytes(bytes)) : connection.onBytes(bytes),
    });
    connection = new Connection(socket, options);
    for (const bytes of early) connection.onBytes(bytes);
    return connection;
  }

  private onBytes(bytes: Uint8Array): void {
    if (this.ended !== undefined) return;
    this.watchdog.alive();
    try {
      this.reader.push(bytes);
    } catch (error) {
      this.end(toGlfsError(error));
    }
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

  /** Other timeouts from now on, for calls under way too. */
  tune(timeouts: Timeouts): void {
    if (this.ended === undefined) this.watchdog.tune(timeouts);
  }

  /** Calls that wait for an answer or for their turn. */
  get inFlight(): number {
    return this.table.size + this.lanes.size;
  }

  /**
   * Makes a call.
   * @throws GlfsError what `decode` throws; ENOTCONN where the connection ended (outcome `unknown` if the call was sent);
   *   ECANCELED and ETIMEDOUT where the caller's wait ended; EINVAL for a call longer than a record can be.
   */
  call<T>(call: Call<T>): Promise<T> {
    const refusal = this.refusal(call);
    if (refusal !== undefined) {
      call.finished?.();
      return Promise.reject(refusal);
    }
    return new Promise<T>((resolve, reject) => {
      const free = this.lanes.free(call.lane);
      // Whoever encoded the arguments uses that memory again as soon as this returns.
      const own = free ? call : { ...call, arguments: copyBytes(call.arguments) };
      const pending = new PendingCall<T>(own, resolve, reject, this.onAbandoned) as PendingCall;
      if (free) {
        this.send(pending);
      } else {
        this.lanes.push(pending);
        this.watchdog.sent();
      }
    });
  }

  /** Why a call is not even tried. */
  private refusal(call: Call<unknown>): GlfsError | undefined {
    if (this.ended !== undefined) return this.lost(this.ended, false);
    if (call.signal?.aborted) return aborted(call);
    if (call.deadline !== undefined && performance.now() >= call.deadline) return deadlinePassed();
    if (lengthOf(call) > MAX_LENGTH) return new GlfsError('EINVAL', 'the call is longer than 2 GiB');
    return undefined;
  }

  private send(pending: PendingCall): void {
    const { call } = pending;
    const header = callHeaderLength(call.credential);
    pending.xid = this.table.add(pending);
    pending.sent = true;
    if (call.lane === 'data') this.lanes.outstanding++;
    this.watchdog.sent();
    const { buffer, at } = this.outbox.reserve(header + call.arguments.length);
    const end = writeCallHeader(buffer, at, pending.xid, call.procedure, call.credential, lengthOf(call));
    buffer.set(call.arguments, end);
    for (const part of call.payload ?? []) {
      if (part.length > 0) this.outbox.payload(part, pending.stablePayload);
    }
    this.outbox.endCall();
  }

  private onRecord(xid: number, type: number, record: Uint8Array, bulk: Uint8Array | undefined): void {
    // The rest of a chunk after the record that ended the connection.
    if (this.ended !== undefined) return;
    if (type === MessageType.CALL) {
      this.options.onServerCall?.(readCall(record));
      return;
    }
    const pending = this.table.remove(xid);
    if (pending === undefined) return;
    if (pending.call.lane === 'data') this.lanes.outstanding--;
    pending.answer(record, bulk);
    pending.finish();
    this.pump();
  }

  /** Sends what waits, as far as there is room. */
  private pump(): void {
    while (this.ended === undefined) {
      const next = this.lanes.next();
      if (next === undefined) return;
      this.send(next);
    }
  }

  /** The slot of an abandoned call stays taken until its answer comes: its fd may still be in use at the server. */
  private readonly onAbandoned = (pending: PendingCall): void => {
    if (!pending.sent) this.lanes.abandoned(pending);
  };

  /** `frame-timeout`: queued calls count from their making, so that a server that answers nothing holds up no one for good. */
  private expire(madeBefore: number): void {
    for (const pending of [...this.table, ...this.lanes]) {
      if (pending.settled || pending.madeAt > madeBefore || pending.call.lane === 'blocking') continue;
      if (pending.sent && pending.lends && this.outbox.busy) {
        // Its bytes may not have left yet, and the caller gets its memory back.
        this.end(new GlfsError('ETIMEDOUT', 'the server takes no more data (frame-timeout)'));
        return;
      }
      pending.fail(
        new GlfsError('ETIMEDOUT', 'the server did not answer the call (frame-timeout)', {
          outcome: pending.sent ? 'unknown' : 'failed',
        }),
      );
      if (pending.sent) continue;
      pending.finish();
      this.lanes.abandoned(pending);
    }
  }

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
    const queued = this.lanes.clear();
    for (const pending of this.table.clear()) this.drop(pending, reason, true);
    for (const pending of queued) this.drop(pending, reason, false);
    this.options.onClose?.(reason);
  }

  private drop(pending: PendingCall, reason: GlfsError, sent: boolean): void {
    pending.fail(this.lost(reason, sent));
    pending.finish();
  }

  /** Ends the connection; calls in flight fail with ENOTCONN. */
  destroy(reason = new GlfsError('ENOTCONN', 'the connection was closed')): void {
    this.end(reason);
  }
}

function aborted(call: Call<unknown>): GlfsError {
  return new GlfsError('ECANCELED', 'the call was aborted', { cause: call.signal?.reason });
}

function closedByServer(): GlfsError {
  return new GlfsError('ECONNRESET', 'the server closed the connection');
}

function lengthOf({ arguments: encoded, payload = [] }: Call<unknown>): number {
  let length = encoded.length;
  for (const part of payload) length += part.length;
  return length;
}

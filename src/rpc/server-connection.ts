import type { Socket } from 'node:net';
import { GlfsError, toGlfsError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { XdrReader } from '../xdr/index.ts';
import { authNone, decodeCredential, type Identity } from './credentials.ts';
import { callHeaderLength, MessageType, type Procedure, readCall, writeCallHeader } from './message.ts';
import { Outbox } from './outbox.ts';
import { type Recipient, RecordReader } from './record.ts';
import { type Answer, encodeReply, sendReply } from './reply.ts';
import { ReplyRoom } from './reply-room.ts';

/** A call that came in over a connection. */
export interface IncomingCall extends Procedure {
  readonly xid: number;
  /** Who calls, as its credential says; `undefined` for AUTH_NONE. */
  readonly identity: Identity | undefined;
  /** The arguments, and raw data behind them where there are any; in memory of the call's own, that stays. */
  readonly arguments: XdrReader;
  /** The call may wait for long (a lock): from now on it doesn't count among those outstanding. */
  uncounted(): void;
  /**
   * For calls whose replies are large: resolves when there is room for so many bytes, and what it returns gives the room back
   * once the reply is handed over. Peers that ask and never listen hold one such reply, and not one for each call.
   * @throws GlfsError ENOTCONN where the connection ends before
   */
  room(bytes: number): Promise<() => void>;
}

/** Answers calls. What it throws is logged and answered as a system error. */
export type Dispatch = (call: IncomingCall, connection: ServerConnection) => Promise<Answer> | Answer;

/** Bounds of one connection. */
export interface ConnectionLimits {
  /** Most bytes of a record of a trusted peer; one WRITE with its header must fit. */
  readonly record: number;
  /** Most bytes of a record before the peer is trusted. */
  readonly untrustedRecord: number;
  /** While so many calls are unanswered, no more are read. */
  readonly outstanding: number;
  /** While so many bytes of replies wait for the peer to take them, no more calls are read. */
  readonly unsent: number;
  /** While unanswered calls hold so many bytes, no more are read. */
  readonly held: number;
  /** Bytes of large replies that are made at a time; one alone may be larger. */
  readonly replies: number;
}

/** Who is at the other end. */
export interface Peer {
  /** `host:port`, or the path of the socket. */
  readonly address: string;
  /** Without the port. */
  readonly host: string;
  /** 0 with unix sockets. */
  readonly port: number;
  /** Common name of the peer's certificate, empty where it has none; absent without TLS. */
  readonly commonName?: string;
}

export interface ServerConnectionOptions {
  readonly id: number;
  readonly socket: Socket;
  readonly peer: Peer;
  readonly tls: boolean;
  readonly limits: ConnectionLimits;
  readonly dispatch: Dispatch;
  readonly log: Logger;
  readonly onTrusted: (connection: ServerConnection) => void;
  readonly onClose: (connection: ServerConnection) => void;
}

/** With TLS: replies that may wait for those before them. */
const WAITING = 64;

/** One connection of a client, at the server: calls are answered as their answers come, in any order. */
export class ServerConnection {
  private readonly outbox: Outbox;
  private readonly reader: RecordReader;
  private readonly recipient: Recipient;
  private readonly socket: Socket;
  private outstanding = 0;
  /** Bytes of calls that are not answered. */
  private held = 0;
  /** Calls that came in one chunk with more than may be outstanding. */
  private readonly backlog: Uint8Array[] = [];
  private taking = false;
  private readonly room: ReplyRoom;
  private nextXid = 1;
  private isTrusted = false;
  private ended = false;
  private truncating = false;
  /** Half of a reply is the last that was sent. */
  private truncated = false;
  /** What came up while the connection is frozen: chunks that came in, replies and calls to go out. */
  private frozen: (() => void)[] | undefined;

  constructor(private readonly options: ServerConnectionOptions) {
    const { socket, tls, limits } = options;
    const connection = this;
    this.socket = socket;
    this.outbox = new Outbox(socket, tls, () => this.adjust());
    this.room = new ReplyRoom(limits.replies, () => this.outbox.unsent <= limits.unsent);
    this.recipient = {
      settled: false,
      kept: true,
      get limit() {
        return connection.isTrusted ? limits.record : limits.untrustedRecord;
      },
    };
    this.reader = new RecordReader({
      recipient: (_xid, type) => {
        if (type !== MessageType.CALL) throw new GlfsError('EPROTO', 'RPC: not a call');
        return this.recipient;
      },
      record: (_xid, _type, record) => {
        if (this.backlog.length > 0 || this.full()) this.backlog.push(record);
        else this.onCall(record);
      },
    });
    socket.on('data', (chunk: Buffer) => this.onChunk(chunk));
    socket.on('drain', () => this.adjust());
    socket.on('error', (error) => this.destroy(toGlfsError(error)));
    socket.on('end', () => this.destroy());
    socket.on('close', () => this.destroy());
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 20_000);
    socket.resume();
  }

  /** Counts up with the connections of a server. */
  get id(): number {
    return this.options.id;
  }

  get peer(): Peer {
    return this.options.peer;
  }

  get open(): boolean {
    return !this.ended;
  }

  /** Calls that wait for their answer, those that don't count left out. */
  get underWay(): number {
    return this.outstanding;
  }

  /** Set by the dispatcher once it knows the peer: until then records are small and time is short. */
  get trusted(): boolean {
    return this.isTrusted;
  }

  trust(): void {
    if (this.isTrusted) return;
    this.isTrusted = true;
    this.options.onTrusted(this);
  }

  /** Makes a call to the peer, as GlusterFS's servers do for upcalls; it is not answered. */
  call(procedure: Procedure, encoded: Uint8Array): void {
    const bytes = Buffer.from(encoded);
    this.unlessFrozen(() => {
      if (this.ended || this.truncated) return;
      const { buffer, at } = this.outbox.reserve(callHeaderLength(authNone) + bytes.length);
      const end = writeCallHeader(buffer, at, this.nextXid++, procedure, authNone, bytes.length);
      buffer.set(bytes, end);
      this.outbox.endCall();
    });
  }

  /** Of the next reply half is sent, then the connection is cut. */
  truncateNext(): void {
    this.truncating = true;
  }

  /** Takes nothing in and sends nothing out, until `thaw`. Calls under way go on. */
  freeze(): void {
    if (this.frozen !== undefined) return;
    this.frozen = [];
    this.adjust();
  }

  thaw(): void {
    const held = this.frozen ?? [];
    this.frozen = undefined;
    for (const act of held) act();
    this.adjust();
  }

  /** Ends the connection at once; replies under way are lost. With a reason it is logged. */
  destroy(reason?: GlfsError): void {
    if (this.ended) return;
    this.ended = true;
    this.frozen = undefined;
    this.backlog.length = 0;
    if (reason !== undefined)
      this.options.log.warn({ err: reason, client: this.peer.address }, 'connection of a client ended');
    this.outbox.close();
    this.socket.on('error', () => {});
    this.socket.destroy();
    this.options.onClose(this);
    this.room.close();
  }

  private unlessFrozen(act: () => void): void {
    if (this.frozen === undefined) act();
    else this.frozen.push(act);
  }

  private onChunk(chunk: Buffer): void {
    this.unlessFrozen(() => {
      if (this.ended) return;
      try {
        this.reader.push(chunk);
      } catch (error) {
        this.destroy(toGlfsError(error));
      }
      this.adjust();
    });
  }

  private onCall(record: Uint8Array): void {
    // The rest of a chunk behind what ended the connection.
    if (this.ended) return;
    const call = readCall(record);
    let identity: Identity | undefined;
    try {
      identity = decodeCredential(call.flavor, call.credential);
    } catch {
      this.reply(call.xid, { denied: true });
      return;
    }
    this.outstanding++;
    this.held += record.length;
    let counted = true;
    const uncounted = (): void => {
      if (!counted) return;
      counted = false;
      this.outstanding--;
      this.adjust();
    };
    const incoming: IncomingCall = {
      xid: call.xid,
      program: call.program,
      version: call.version,
      procedure: call.procedure,
      identity,
      arguments: call.arguments,
      uncounted,
      room: (bytes) => this.room.enter(bytes),
    };
    void this.answer(incoming).then((answer) => {
      this.reply(call.xid, answer);
      this.held -= record.length;
      uncounted();
      this.adjust();
    });
  }

  private full(): boolean {
    const { outstanding, held } = this.options.limits;
    return this.outstanding >= outstanding || this.held >= held;
  }

  /** What came together with more than could be taken is taken bit by bit. */
  private takeBacklog(): void {
    // A call that doesn't count says so at once.
    if (this.taking) return;
    this.taking = true;
    try {
      while (this.backlog.length > 0 && !this.ended && !this.full() && this.frozen === undefined)
        this.onCall(this.backlog.shift()!);
    } catch (error) {
      this.destroy(toGlfsError(error));
    }
    this.taking = false;
  }

  private async answer(call: IncomingCall): Promise<Answer> {
    try {
      return await this.options.dispatch(call, this);
    } catch (err) {
      const { program, version, procedure } = call;
      this.options.log.error({ err, program, version, procedure }, 'a call ended with an exception');
      return { refused: 'system-error' };
    }
  }

  private reply(xid: number, answer: Answer): void {
    this.unlessFrozen(() => {
      if (this.ended || this.truncated) return;
      if (this.truncating) this.sendHalf(encodeReply(xid, answer));
      else sendReply(this.outbox, xid, answer);
    });
  }

  private sendHalf(reply: Buffer): void {
    this.outbox.payload(reply.subarray(0, reply.length >> 1), false);
    this.outbox.endCall();
    this.truncating = false;
    // The outbox writes within this tick. Whatever came behind half a reply would be taken for its other half.
    this.truncated = true;
    setImmediate(() => {
      this.outbox.close();
      this.socket.destroySoon();
    });
  }

  /** Reads on or stops reading, as the calls under way and the peer's appetite have it. */
  private adjust(): void {
    if (this.ended) return;
    const { unsent } = this.options.limits;
    const behind = this.socket.writableLength > unsent || this.outbox.waiting > WAITING;
    if (!behind) {
      this.takeBacklog();
      this.room.wake();
    }
    if (this.ended) return;
    const stop = this.frozen !== undefined || behind || this.full() || this.backlog.length > 0;
    if (stop === this.socket.isPaused()) return;
    if (stop) this.socket.pause();
    else this.socket.resume();
  }
}

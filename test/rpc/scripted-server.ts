import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { FragmentSplitter } from '../helpers/sun-rpc-records.ts';
import { waitUntil } from '../helpers/wait.ts';

/** A call as the server sees it. */
export interface SeenCall {
  socket: Socket;
  xid: number;
  program: number;
  version: number;
  procedure: number;
  /** Flavor and body of the credential. */
  flavor: number;
  credential: Buffer;
  /** What follows the header. */
  body: Buffer;
}

/** Decides what becomes of a call; sends answers with `answer` or by writing to the socket. */
export type Script = (call: SeenCall, server: ScriptedServer) => void;

export interface ListenOptions {
  path?: string;
  tls?: TlsOptions;
}

/** A server over a real socket that does with calls what a test says. */
export class ScriptedServer {
  readonly calls: SeenCall[] = [];
  readonly sockets = new Set<Socket>();
  script: Script;
  private readonly server: Server;

  private constructor(server: Server, event: string, script: Script) {
    this.server = server;
    this.script = script;
    server.on(event, (socket: Socket) => this.accept(socket));
  }

  static async listen(script: Script, { path, tls }: ListenOptions = {}): Promise<ScriptedServer> {
    const server = tls ? createTlsServer(tls) : createServer({ noDelay: true });
    const scripted = new ScriptedServer(server, tls ? 'secureConnection' : 'connection', script);
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      if (path) server.listen(path, resolve);
      else server.listen(0, '127.1.18.1', resolve);
    });
    return scripted;
  }

  get endpoint(): { host: string; port: number } {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP server');
    return { host: address.address, port: address.port };
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    const splitter = new FragmentSplitter();
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      for (const { bytes } of splitter.push(chunk)) {
        const call = readCall(socket, bytes);
        this.calls.push(call);
        this.script(call, this);
      }
    });
  }

  /** Waits until that many calls have come. */
  async received(count: number): Promise<SeenCall[]> {
    await waitUntil(() => this.calls.length >= count, {
      what: `${count} calls (${this.calls.length} came)`,
      everyMs: 2,
    });
    return this.calls;
  }

  /** The only connection. */
  get socket(): Socket {
    const [socket] = this.sockets;
    if (socket === undefined || this.sockets.size !== 1) throw new Error(`${this.sockets.size} connections`);
    return socket;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function readCall(socket: Socket, record: Buffer): SeenCall {
  const word = (at: number): number => record.readUInt32BE(at);
  let at = 28;
  const flavor = word(at);
  const length = word(at + 4);
  const credential = record.subarray(at + 8, at + 8 + length);
  at += 8 + length + (-length & 3);
  at += 8 + word(at + 4);
  const copy = Buffer.from(record.subarray(at));
  return {
    socket,
    xid: word(4),
    program: word(16),
    version: word(20),
    procedure: word(24),
    flavor,
    credential: Buffer.from(credential),
    body: copy,
  };
}

/** A record in one fragment. */
export function marked(...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE((0x8000_0000 + body.length) >>> 0);
  return Buffer.concat([mark, body]);
}

export function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value >>> 0, index * 4);
  return buffer;
}

/** An accepted, successful reply. */
export function reply(xid: number, result: Uint8Array): Buffer {
  return marked(words(xid, 1, 0, 0, 0, 0), result);
}

/** A call that the server makes. */
export function serverCall(xid: number, procedure: number, body: Uint8Array, program = 52743234): Buffer {
  return marked(words(xid, 0, 2, program, 1, procedure, 0, 0, 0, 0), body);
}

export function answer(call: SeenCall, result: Uint8Array): void {
  call.socket.write(reply(call.xid, result));
}

/** Answers each call with its own body. */
export const echo: Script = (call) => answer(call, call.body);

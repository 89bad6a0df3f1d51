import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { Logger } from '../../src/logger.ts';
import {
  type Answer,
  authNone,
  type IncomingCall,
  type Procedure,
  RpcServer,
  type RpcServerOptions,
  type ServerConnection,
} from '../../src/rpc/index.ts';
import { callHeaderLength, writeCallHeader } from '../../src/rpc/message.ts';
import { FragmentSplitter } from '../helpers/sun-rpc-records.ts';
import { waitUntil } from '../helpers/wait.ts';
import { procedure } from './calls.ts';
import { words } from './scripted-server.ts';

/** What was logged. */
export interface Line {
  readonly level: keyof Logger;
  readonly details: Record<string, unknown>;
  readonly message: string;
}

/** An RpcServer on the loopback that keeps what it saw; by default it sends arguments back as results. */
export class TestServer {
  readonly calls: IncomingCall[] = [];
  readonly lines: Line[] = [];
  readonly closed: ServerConnection[] = [];
  answer: (call: IncomingCall, connection: ServerConnection) => Promise<Answer> | Answer = echo;
  readonly server: RpcServer;

  private constructor(options: Partial<RpcServerOptions>) {
    const at =
      (level: keyof Logger) =>
      (details: object, message: string): void => {
        this.lines.push({ level, details: details as Record<string, unknown>, message });
      };
    this.server = new RpcServer({
      endpoint: { host: '127.0.0.1', port: 0 },
      log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      dispatch: (call, connection) => {
        this.calls.push(call);
        return this.answer(call, connection);
      },
      onClose: (connection) => this.closed.push(connection),
      ...options,
    });
  }

  static async start(options: Partial<RpcServerOptions> = {}): Promise<TestServer> {
    const started = new TestServer(options);
    await started.server.listen();
    return started;
  }

  get port(): number {
    return this.server.port;
  }

  /** The newest connection. */
  async connection(count = 1): Promise<ServerConnection> {
    await waitUntil(() => this.server.connections.size >= count, {
      what: `${count} connections`,
      everyMs: 2,
    });
    return [...this.server.connections].at(-1)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

export function argumentsOf(call: IncomingCall): Buffer {
  const { bytes, position, end } = call.arguments;
  return Buffer.from(bytes.subarray(position, end));
}

export const echo = (call: IncomingCall): Answer => ({ result: argumentsOf(call) });

/** The bytes of a call, its record mark included. */
export function callRecord(
  xid: number,
  body: Uint8Array,
  { credential = authNone, to = procedure }: { credential?: Uint8Array; to?: Procedure } = {},
): Buffer {
  const header = callHeaderLength(credential);
  const record = Buffer.alloc(header + body.length);
  writeCallHeader(record, 0, xid, to, credential, body.length);
  record.set(body, header);
  return record;
}

/** A peer that says what a test wants, and keeps what comes. */
export class RawPeer {
  /** Records without their marks. */
  readonly records: Buffer[] = [];
  received = 0;
  isClosed = false;

  private constructor(readonly socket: Socket) {
    const splitter = new FragmentSplitter();
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      for (const { bytes } of splitter.push(chunk)) this.records.push(bytes.subarray(4));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async connect(port: number, tls?: ConnectionOptions): Promise<RawPeer> {
    const socket =
      tls === undefined
        ? connect({ port, host: '127.0.0.1', noDelay: true })
        : tlsConnect({ port, host: '127.0.0.1', checkServerIdentity: () => undefined, ...tls });
    await new Promise<void>((resolve, reject) => {
      socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve);
      socket.once('error', reject);
    });
    return new RawPeer(socket);
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  call(xid: number, value = xid): void {
    this.send(callRecord(xid, words(value)));
  }

  async answers(count: number): Promise<Buffer[]> {
    await waitUntil(() => this.records.length >= count, { what: `${count} records`, everyMs: 2 });
    return this.records;
  }

  async closed(): Promise<void> {
    await waitUntil(() => this.isClosed, { what: 'the end of the connection', everyMs: 2 });
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

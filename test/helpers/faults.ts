import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { FragmentSplitter, type RecordHead, type SeenFragment } from './sun-rpc-records.ts';

/** Way through the proxy. */
export type Direction = 'toServer' | 'toClient';

/** What becomes of a record. `cut` drops it and breaks the connection; a Buffer is sent in its stead. */
export type Verdict = 'pass' | 'drop' | 'cut' | Buffer;

/** Looks at every record before it goes on; may take its time. `bytes` is marker and body. */
export type Inspect = (head: RecordHead, direction: Direction, bytes: Buffer) => Verdict | Promise<Verdict>;

/** Where the proxy listens and what it stands before. */
export interface ProxyOptions {
  /** Real server. The function is called for every new connection, so a brick may move. */
  target: { host: string; port: number } | (() => Promise<{ host: string; port: number }>);
  /** Address to listen on (default 127.0.0.1). */
  host?: string;
  /** Port to listen on (default: any that is free). */
  port?: number;
  inspect?: Inspect;
  /** True to pass bytes through without looking at records (TLS). */
  opaque?: boolean;
}

interface Pair {
  client: Socket;
  server: Socket;
  /** Program, version and procedure of calls by direction of the call and xid, to name their replies. */
  calls: Record<Direction, Map<number, RecordHead>>;
}

/**
 * A TCP proxy between a client under test and a brick or glusterd, with faults to order. It forwards whole
 * fragments, so a fault never tears a record by accident; `cut('mid-record')` does it on purpose.
 */
export class FaultProxy {
  readonly host: string;
  readonly port: number;
  /** Called for every record; may be exchanged at any time. */
  inspect: Inspect | undefined;
  /** Milliseconds that every fragment waits, by direction. */
  delayMs: Record<Direction, number> = { toServer: 0, toClient: 0 };
  private readonly options: ProxyOptions;
  private server: Server;
  private readonly pairs = new Set<Pair>();
  private readonly frozen: Record<Direction, boolean> = { toServer: false, toClient: false };
  private readonly waiting: (() => void)[] = [];
  private readonly tally = new Map<string, number>();
  private accepted = 0;
  private tearNext: Direction | undefined;

  private constructor(options: ProxyOptions, server: Server) {
    this.options = options;
    this.server = server;
    this.inspect = options.inspect;
    this.host = options.host ?? '127.0.0.1';
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => void this.accept(client));
  }

  /** Starts a proxy. */
  static async start(options: ProxyOptions): Promise<FaultProxy> {
    return new FaultProxy(options, await listen(options.host ?? '127.0.0.1', options.port ?? 0));
  }

  /** Connections that are open now, and all that ever were accepted. */
  get connections(): { open: number; accepted: number } {
    return { open: this.pairs.size, accepted: this.accepted };
  }

  /** Fragments that a freeze holds back now: at most one per connection and direction, more wait behind it. */
  get held(): number {
    return this.waiting.length;
  }

  /** Records seen in a direction, of one program and procedure or of all (callbacks count as calls `toClient`). */
  count(direction: Direction, program?: number, procedure?: number): number {
    let sum = 0;
    for (const [key, number] of this.tally) {
      const [way, seenProgram, seenProcedure] = key.split(' ');
      if (way !== direction) continue;
      if (program !== undefined && Number(seenProgram) !== program) continue;
      if (procedure !== undefined && Number(seenProcedure) !== procedure) continue;
      sum += number;
    }
    return sum;
  }

  /** Forgets all counts. */
  resetCounts(): void {
    this.tally.clear();
  }

  /** Nothing goes on any more in the given direction (default: both); connections stay, bytes are kept. */
  freeze(direction?: Direction): void {
    for (const way of direction ? [direction] : (['toServer', 'toClient'] as const)) this.frozen[way] = true;
  }

  /** Lets everything that was held go on, in order. */
  thaw(): void {
    this.frozen.toServer = false;
    this.frozen.toClient = false;
    for (const release of this.waiting.splice(0)) release();
  }

  /** Resets all connections now, or in the middle of the next record of a direction. New ones are accepted. */
  cut(when: 'now' | 'mid-record' = 'now', direction: Direction = 'toClient'): void {
    if (when === 'mid-record') this.tearNext = direction;
    else for (const pair of [...this.pairs]) this.breakPair(pair);
  }

  /** Stops listening: new connections are refused; open ones stay unless `cut`. */
  refuse(): void {
    if (!this.server.listening) return;
    this.server.close();
  }

  /** Listens again on the same port after `refuse`. */
  async accepting(): Promise<void> {
    if (this.server.listening) return;
    this.server = await listen(this.host, this.port);
    this.server.on('connection', (client) => void this.accept(client));
  }

  /** Ends the proxy and all its connections. */
  async close(): Promise<void> {
    this.refuse();
    this.cut();
    this.thaw();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async accept(client: Socket): Promise<void> {
    this.accepted++;
    client.setNoDelay(true);
    client.pause();
    client.on('error', () => undefined);
    let server: Socket;
    try {
      const { target } = this.options;
      const place = typeof target === 'function' ? await target() : target;
      server = connect({ ...place, noDelay: true });
    } catch {
      client.resetAndDestroy();
      return;
    }
    const pair: Pair = { client, server, calls: { toServer: new Map(), toClient: new Map() } };
    this.pairs.add(pair);
    server.on('error', () => this.breakPair(pair));
    client.on('close', () => this.breakPair(pair));
    server.on('close', () => this.breakPair(pair));
    this.pipe(pair, client, server, 'toServer');
    this.pipe(pair, server, client, 'toClient');
  }

  private pipe(pair: Pair, from: Socket, to: Socket, direction: Direction): void {
    const splitter = new FragmentSplitter();
    // One promise chain per direction keeps the order through delays and freezes.
    let queue: Promise<void> = Promise.resolve();
    const enqueue = (step: () => Promise<void> | void) => {
      queue = queue.then(step);
      return queue;
    };
    from.on('data', (chunk: Buffer) => {
      from.pause();
      const parts: SeenFragment[] = this.options.opaque
        ? [{ head: undefined, bytes: chunk }]
        : splitter.push(chunk);
      void enqueue(async () => {
        for (const part of parts) await this.forward(pair, to, direction, part);
        if (to.writableNeedDrain) await new Promise<void>((done) => onceAny(to, ['drain', 'close'], done));
        from.resume();
      });
    });
    from.on('end', () => void enqueue(() => void to.end()));
    from.resume();
  }

  private async forward(pair: Pair, to: Socket, direction: Direction, part: SeenFragment): Promise<void> {
    const delay = this.delayMs[direction];
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    while (this.frozen[direction] && this.pairs.has(pair)) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    if (!this.pairs.has(pair)) return;
    const verdict = part.head ? await this.look(pair, direction, part.head, part.bytes) : 'pass';
    if (this.tearNext === direction) {
      this.tearNext = undefined;
      await new Promise<void>((done) =>
        to.write(part.bytes.subarray(0, part.bytes.length >> 1), () => done()),
      );
      // Half of a record must arrive before the connection ends: no reset, which would throw it away.
      pair.client.destroy();
      pair.server.destroy();
      return;
    }
    if (verdict === 'cut') this.breakPair(pair);
    else if (verdict !== 'drop') to.write(verdict === 'pass' ? part.bytes : verdict);
  }

  private look(
    pair: Pair,
    direction: Direction,
    head: RecordHead,
    bytes: Buffer,
  ): Verdict | Promise<Verdict> {
    let named = head;
    if (head.call) pair.calls[direction].set(head.xid, head);
    else {
      const calls = pair.calls[direction === 'toClient' ? 'toServer' : 'toClient'];
      const asked = calls.get(head.xid);
      calls.delete(head.xid);
      if (asked) named = { ...asked, call: false };
    }
    const key = `${direction} ${named.program} ${named.procedure}`;
    this.tally.set(key, (this.tally.get(key) ?? 0) + 1);
    return this.inspect?.(named, direction, bytes) ?? 'pass';
  }

  private breakPair(pair: Pair): void {
    if (!this.pairs.delete(pair)) return;
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
    for (const release of this.waiting.splice(0)) release();
  }
}

function listen(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true });
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

function onceAny(socket: Socket, events: string[], done: () => void): void {
  const finish = () => {
    for (const event of events) socket.off(event, finish);
    done();
  };
  for (const event of events) socket.on(event, finish);
}

import { buildGraph } from '../../src/graph/build.ts';
import {
  type CallContext,
  Fd,
  type Graph,
  type GraphEvent,
  Inode,
  newLkOwner,
  rootContext,
  type Subvolume,
} from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { keys } from '../../src/protocol/keys.ts';
import { type Flock, LockCommand, LockType, OpenFlag } from '../../src/protocol/messages.ts';
import { type Cluster, startCluster, type TestBrick } from '../../src/testing/index.ts';
import { parseVolfile } from '../../src/volfile/index.ts';
import { Disperse } from '../../src/xlators/cluster/disperse/index.ts';
import { bookOf, type LockBook } from '../../src/xlators/cluster/locking/lock-book.ts';
import type { LockedSet } from '../../src/xlators/cluster/locking/locked-set.ts';
import { Replicate } from '../../src/xlators/cluster/replicate/index.ts';
import { ProtocolClient } from '../../src/xlators/protocol/client/index.ts';
import { recordingEnvironment } from './recording-child.ts';
import { waitUntil } from './wait.ts';

export interface LockOf {
  readonly owner: Uint8Array;
  readonly type?: number;
  readonly start?: bigint;
  readonly length?: bigint;
  readonly wait?: boolean;
}

/** A client of a replica or disperse set, with connections of its own and no translator above it. */
export class LockClient {
  readonly events: GraphEvent[] = [];
  readonly context: CallContext = rootContext();

  private constructor(
    private readonly graph: Graph,
    readonly state: LockedSet,
    readonly top: Subvolume,
  ) {
    top.translator.listen((event) => this.events.push(event));
  }

  static async over(cluster: Cluster, options: Record<string, string> = {}): Promise<LockClient> {
    const { nodes } = parseVolfile(cluster.volfile('r'));
    const at = nodes.findIndex(
      (node) => node.type === 'cluster/replicate' || node.type === 'cluster/disperse',
    );
    const top = nodes[at]!;
    const overrides = Object.entries(options).map(([name, value]) => {
      const dot = name.lastIndexOf('.');
      return { pattern: name.slice(0, dot), key: name.slice(dot + 1), value };
    });
    const graph = buildGraph(
      { nodes: nodes.slice(0, at + 1), top: top.name },
      recordingEnvironment(),
      overrides,
    );
    const { state } = graph.translators.find(
      (each) => each instanceof Replicate || each instanceof Disperse,
    )!;
    const client = new LockClient(graph, state, graph.top);
    await graph.start();
    await client.sees(state.all);
    return client;
  }

  /** Waits until exactly these copies take part. */
  async sees(up: number): Promise<void> {
    await waitUntil(() => this.state.up === up, { what: `copies ${up.toString(2)} up` });
  }

  get book(): LockBook {
    return bookOf(this.state);
  }

  async open(inode: Inode, flags: number = OpenFlag.RDWR): Promise<Fd> {
    const fd = new Fd(inode, flags);
    await this.top.open({ loc: { inode }, fd, flags }, this.context);
    return fd;
  }

  async lock(fd: Fd, { owner, type = LockType.WRITE, start = 0n, length = 0n, wait = false }: LockOf) {
    const command = wait ? LockCommand.SET_WAIT : LockCommand.SET;
    const context = { ...this.context, lkOwner: owner };
    const { flock } = await this.top.lk(
      { fd, command, type, flock: flockOf(owner, type, start, length) },
      context,
    );
    return flock;
  }

  unlock(fd: Fd, lock: LockOf): Promise<Flock> {
    return this.lock(fd, { ...lock, type: LockType.UNLOCK, wait: false });
  }

  async probe(fd: Fd, { owner, type = LockType.WRITE, start = 0n, length = 0n }: LockOf): Promise<Flock> {
    const request = { fd, command: LockCommand.GET, type, flock: flockOf(owner, type, start, length) };
    return (await this.top.lk(request, { ...this.context, lkOwner: owner })).flock;
  }

  async close(fd: Fd, owner: Uint8Array = newLkOwner()): Promise<void> {
    try {
      await this.top.flush({ fd }, { ...this.context, lkOwner: owner });
    } finally {
      await this.top.release({ fd }, this.context);
    }
  }

  /** Ends this client's connection to a brick, and nobody else's; it is made again at once. */
  cut(index: number): void {
    const brick = this.graph.translators.filter((each) => each instanceof ProtocolClient)[index]!['brick'];
    brick.session.current?.connection.destroy();
  }

  end(): Promise<void> {
    return this.graph.close();
  }
}

export function flockOf(owner: Uint8Array, type: number, start = 0n, length = 0n): Flock {
  return { type, whence: 0, start, length, pid: process.pid, owner };
}

/** An embedded set of bricks with one empty file in it, and what its bricks know of locks. */
export class LockedFile implements AsyncDisposable {
  private readonly clients: LockClient[] = [];

  private constructor(
    readonly cluster: Cluster,
    readonly observer: LockClient,
    readonly inode: Inode,
  ) {}

  static async start(type = 'replicate 3'): Promise<LockedFile> {
    const cluster = await startCluster({ volumes: { r: { type } } });
    const observer = await LockClient.over(cluster);
    const gfid = newGfid();
    const root = new Inode(ROOT_GFID, 'directory');
    for (const child of observer.state.children) {
      const loc = { inode: new Inode(), parent: root, name: 'file' };
      const xdata = new Dict().set(keys.gfidRequest, gfid);
      await child.mknod({ loc, mode: 0o100644, dev: 0n, umask: 0, xdata }, rootContext());
    }
    return new LockedFile(cluster, observer, new Inode(gfid, 'file'));
  }

  get bricks(): readonly TestBrick[] {
    return this.cluster.bricks('r');
  }

  root(): Inode {
    return new Inode(ROOT_GFID, 'directory');
  }

  async client(options?: Record<string, string>): Promise<LockClient> {
    const client = await LockClient.over(this.cluster, options);
    this.clients.push(client);
    return client;
  }

  /** POSIX locks that one brick has granted: `OWNER TYPE START+LENGTH`, sorted. */
  async granted(index: number): Promise<string[]> {
    const child = this.observer.state.children[index]!;
    const { locks } = await child.getactivelk({ loc: { inode: this.inode } }, rootContext());
    const text = ({ type, start, length, owner }: Flock): string =>
      `${ownerText(owner)} ${type === LockType.READ ? 'r' : 'w'} ${start}+${length}`;
    return locks.map(({ flock }) => text(flock)).sort();
  }

  async grantedOnAll(): Promise<string[][]> {
    return Promise.all(this.bricks.map((_, index) => this.granted(index)));
  }

  /** A lock by the observer on one brick only, as a client that reaches no other would have it. */
  async lockOn(index: number, lock: LockOf): Promise<void> {
    const { owner, type = LockType.WRITE, start, length } = lock;
    const child = this.observer.state.children[index]!;
    const request = {
      fd: this.observerFd,
      command: LockCommand.SET,
      type,
      flock: flockOf(owner, type, start, length),
    };
    await child.lk(request, rootContext({ lkOwner: owner }));
  }

  private fd: Fd | undefined;
  private get observerFd(): Fd {
    this.fd ??= new Fd(this.inode, OpenFlag.RDWR);
    return this.fd;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [this.observer, ...this.clients]) await client.end();
    await this.cluster.stop();
  }
}

export function ownerText(owner: Uint8Array): string {
  return Buffer.from(owner).toString('hex').replace(/^0+/, '');
}

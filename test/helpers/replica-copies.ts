import { buildGraph } from '../../src/graph/build.ts';
import type { Graph } from '../../src/graph/index.ts';
import { type CallContext, Fd, Inode, rootContext, type Subvolume } from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { type Gfid, gfidFromString, newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { isDirectory, S_IFIFO, S_IFREG, typeOfMode } from '../../src/protocol/iatt.ts';
import { keys } from '../../src/protocol/keys.ts';
import { OpenFlag, XattropFlag } from '../../src/protocol/messages.ts';
import { type Cluster, startCluster, type TestBrick } from '../../src/testing/index.ts';
import { parseVolfile } from '../../src/volfile/index.ts';
import { type Changelog, encodeChangelog } from '../../src/xlators/cluster/replicate/changelog.ts';
import { cleanAnonymous } from '../../src/xlators/cluster/replicate/heal/anonymous-cleaning.ts';
import { healEntries } from '../../src/xlators/cluster/replicate/heal/entry.ts';
import { healFile } from '../../src/xlators/cluster/replicate/heal/index.ts';
import {
  type HealResult,
  openSession,
  type SplitBrainPolicy,
} from '../../src/xlators/cluster/replicate/heal/session.ts';
import { Replicate } from '../../src/xlators/cluster/replicate/index.ts';
import type { ReplicateState } from '../../src/xlators/cluster/replicate/state.ts';
import { windAll } from '../../src/xlators/cluster/wind.ts';
import { brickMarks, pendingGfids } from './brick-tree.ts';
import { recordingEnvironment } from './recording-child.ts';

/** One copy of a replica set, told what no client would tell it: what only some copies have seen. Paths are below the root. */
export class Copy {
  readonly context: CallContext = rootContext();

  constructor(
    readonly index: number,
    readonly child: Subvolume,
    private readonly state: ReplicateState,
  ) {}

  async lookup(path: string): Promise<Inode> {
    let inode = new Inode(ROOT_GFID, 'directory');
    for (const name of path.split('/').filter((part) => part !== '')) {
      const loc = { inode: new Inode(), parent: inode, name };
      const { stat } = await this.child.lookup({ loc, flags: 0 }, this.context);
      inode = new Inode(stat.gfid, typeOfMode(stat.mode));
    }
    return inode;
  }

  private async place(path: string): Promise<{ inode: Inode; parent: Inode; name: string }> {
    const at = path.lastIndexOf('/');
    return {
      inode: new Inode(),
      parent: await this.lookup(path.slice(0, Math.max(at, 0))),
      name: path.slice(at + 1),
    };
  }

  private new(gfid: Gfid): Dict {
    return new Dict().set(keys.gfidRequest, gfid);
  }

  async mkdir(path: string, gfid: Gfid, mode = 0o755): Promise<void> {
    const loc = await this.place(path);
    await this.child.mkdir({ loc, mode, umask: 0, xdata: this.new(gfid) }, this.context);
  }

  async create(path: string, gfid: Gfid, text = '', mode = 0o644): Promise<void> {
    const loc = await this.place(path);
    const xdata = this.new(gfid);
    await this.child.mknod({ loc, dev: 0n, mode: S_IFREG | mode, umask: 0, xdata }, this.context);
    if (text === '') return;
    const fd = new Fd(new Inode(gfid, 'file'), OpenFlag.RDWR);
    await this.child.open({ loc: { inode: fd.inode }, fd, flags: OpenFlag.RDWR }, this.context);
    const data = Buffer.from(text);
    await this.child.write({ fd, offset: 0, size: data.length, flags: 0, data: [data] }, this.context);
    await this.child.release({ fd }, this.context);
  }

  async fifo(path: string, gfid: Gfid): Promise<void> {
    const loc = await this.place(path);
    const xdata = this.new(gfid);
    await this.child.mknod({ loc, dev: 0n, mode: S_IFIFO | 0o600, umask: 0, xdata }, this.context);
  }

  async symlink(target: string, path: string, gfid: Gfid): Promise<void> {
    const loc = await this.place(path);
    await this.child.symlink({ loc, umask: 0, target, xdata: this.new(gfid) }, this.context);
  }

  async link(existing: string, path: string): Promise<void> {
    const loc = { inode: await this.lookup(existing) };
    await this.child.link({ loc, newLoc: await this.place(path) }, this.context);
  }

  async unlink(path: string): Promise<void> {
    await this.child.unlink({ loc: await this.place(path), xflags: 0 }, this.context);
  }

  async rmdir(path: string): Promise<void> {
    await this.child.rmdir({ loc: await this.place(path), xflags: 0 }, this.context);
  }

  async rename(from: string, to: string): Promise<void> {
    const loc = { ...(await this.place(from)), inode: await this.lookup(from) };
    await this.child.rename({ loc, newLoc: await this.place(to) }, this.context);
  }

  /** Makes this copy accuse others of having missed a change; of names as its index notes them. */
  async accuse(
    path: string,
    accused: readonly number[],
    counters: Partial<Changelog>,
    name?: string,
  ): Promise<void> {
    const dict = new Dict();
    for (const [index, attribute] of this.state.pendingNames.entries())
      dict.setBytes(attribute, encodeChangelog(accused.includes(index) ? counters : {}));
    const xdata = name === undefined ? undefined : new Dict().set(keys.indexNameIn, name);
    const loc = { inode: await this.lookup(path) };
    await this.child.xattrop({ loc, operation: XattropFlag.ADD_ARRAY, dict, xdata }, this.context);
  }

  async dirty(path: string, name?: string): Promise<void> {
    const dict = new Dict().setBytes(this.state.dirtyName, encodeChangelog({ entry: 1 }));
    const xdata = name === undefined ? undefined : new Dict().set(keys.indexNameIn, name);
    const loc = { inode: await this.lookup(path) };
    await this.child.xattrop({ loc, operation: XattropFlag.ADD_ARRAY, dict, xdata }, this.context);
  }
}

/** A replica set of an embedded cluster, and replicate's own state over it, without any translator above. */
export class ReplicaCopies implements AsyncDisposable {
  private constructor(
    readonly cluster: Cluster,
    private readonly graph: Graph,
    private readonly owned: boolean,
    readonly state: ReplicateState,
    readonly copies: readonly Copy[],
  ) {}

  static async start(options: Record<string, string> = {}, type = 'replicate 3'): Promise<ReplicaCopies> {
    const cluster = await startCluster({ volumes: { r: { type } } });
    try {
      return await ReplicaCopies.over(cluster, options, true);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** One more client of bricks that run; `owned`: they end with it. */
  static async over(
    cluster: Cluster,
    options: Record<string, string> = {},
    owned = false,
  ): Promise<ReplicaCopies> {
    const { nodes } = parseVolfile(cluster.volfile('r'));
    const at = nodes.findIndex((node) => node.type === 'cluster/replicate');
    const top = nodes[at]!;
    const overrides = Object.entries(options).map(([key, value]) => ({ pattern: top.name, key, value }));
    const graph = buildGraph(
      { nodes: nodes.slice(0, at + 1), top: top.name },
      recordingEnvironment(),
      overrides,
    );
    await graph.start();
    const replicate = graph.translators.find((each) => each instanceof Replicate)!;
    const { state } = replicate;
    const copies = state.children.map((child, index) => new Copy(index, child, state));
    return new ReplicaCopies(cluster, graph, owned, state, copies);
  }

  get bricks(): readonly TestBrick[] {
    return this.cluster.bricks('r');
  }

  /** The same on each of these copies. */
  async on(copies: readonly number[], act: (copy: Copy) => Promise<void>): Promise<void> {
    for (const index of copies) await act(this.copies[index]!);
  }

  /** The change of names in a directory that some copies have missed, as a transaction leaves it. */
  async missed(
    by: readonly number[],
    directory: string,
    names: readonly string[],
    noted = true,
  ): Promise<void> {
    const there = this.copies.filter(({ index }) => !by.includes(index));
    for (const copy of there)
      for (const name of names) await copy.accuse(directory, by, { entry: 1 }, noted ? name : undefined);
  }

  /** Heals every directory that an index lists, once. */
  async healDirectories(): Promise<HealResult[]> {
    const results: HealResult[] = [];
    const listed = new Set(this.bricks.flatMap(({ directory }) => pendingGfids(directory)));
    for (const text of listed) {
      const inode = new Inode(gfidFromString(text), 'directory');
      const answers = await windAll(this.state.children, (child) =>
        child.lookup({ loc: { inode }, flags: 0 }, rootContext()),
      );
      if (!answers.some(({ reply }) => reply !== undefined && isDirectory(reply.stat))) continue;
      results.push(await healEntries(openSession(this.state, inode, rootContext())));
    }
    return results;
  }

  /** Heals every file that an index lists, pass after pass, until nothing is left or a pass has healed nothing. */
  async healAll(): Promise<void> {
    for (let healed = 1; healed > 0; ) {
      healed = 0;
      for (const text of new Set(this.bricks.flatMap(({ directory }) => pendingGfids(directory)))) {
        const { status } = await healFile(this.state, gfidFromString(text), rootContext());
        if (status === 'healed') healed++;
      }
    }
    await this.cleanAnonymous();
  }

  async heal(path: string, policy?: SplitBrainPolicy): Promise<HealResult> {
    const inode = await this.copies[0]!.lookup(path);
    return healEntries(openSession(this.state, inode, rootContext(), policy));
  }

  async cleanAnonymous(): Promise<void> {
    for (const { index } of this.copies) await cleanAnonymous(this.state, index);
  }

  /** Marks of directories on their entries. */
  entryMarks(): string[] {
    return this.bricks.flatMap(({ directory }) =>
      brickMarks(directory).filter((line) => !/ [0-9a-f]{16}0{8}$/.test(line)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.graph.close();
    if (this.owned) await this.cluster.stop();
  }
}

export { newGfid };

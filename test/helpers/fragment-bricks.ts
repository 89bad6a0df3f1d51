import type { Volume } from '../../src/api/index.ts';
import { buildGraph } from '../../src/graph/build.ts';
import { type Graph, Inode, rootContext } from '../../src/graph/index.ts';
import { type Gfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { typeOfMode } from '../../src/protocol/iatt.ts';
import { type Cluster, startCluster, type TestBrick } from '../../src/testing/index.ts';
import { parseVolfile } from '../../src/volfile/index.ts';
import { type FileHealResult, healFile } from '../../src/xlators/cluster/disperse/heal/index.ts';
import { Disperse } from '../../src/xlators/cluster/disperse/index.ts';
import type { DisperseState } from '../../src/xlators/cluster/disperse/state.ts';
import '../../src/xlators/index.ts';
import { indexedOn } from './bricks-identical.ts';
import { recordingEnvironment } from './recording-child.ts';
import { waitUntil } from './wait.ts';

/** A disperse set of an embedded cluster, and disperse's own state over it, without any translator above. */
export class FragmentBricks implements AsyncDisposable {
  private constructor(
    readonly cluster: Cluster,
    private readonly graph: Graph,
    readonly state: DisperseState,
  ) {}

  static async start(type = 'disperse 4+2', options: Record<string, string> = {}): Promise<FragmentBricks> {
    const cluster = await startCluster({ volumes: { d: { type } } });
    try {
      const { nodes } = parseVolfile(cluster.volfile('d'));
      const at = nodes.findIndex((node) => node.type === 'cluster/disperse');
      const top = nodes[at]!;
      const overrides = Object.entries(options).map(([key, value]) => ({ pattern: top.name, key, value }));
      const graph = buildGraph(
        { nodes: nodes.slice(0, at + 1), top: top.name },
        recordingEnvironment(),
        overrides,
      );
      await graph.start();
      const { state } = graph.translators.find((each) => each instanceof Disperse)!;
      return new FragmentBricks(cluster, graph, state);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get bricks(): readonly TestBrick[] {
    return this.cluster.bricks('d');
  }

  get directories(): string[] {
    return this.bricks.map(({ directory }) => directory);
  }

  /** A client that heals what it is told to, and nothing by itself. */
  connect(options: Record<string, string> = {}): Promise<Volume> {
    return this.cluster.connect('d', {
      entryTimeout: 0,
      translatorOptions: { '*-disperse-*.background-heals': '0', ...options },
    });
  }

  /** Runs `change` while these bricks are away; then waits until all are back in the eyes of the healer and of `volume`. */
  async without(volume: Volume, bricks: readonly number[], change: () => Promise<unknown>): Promise<void> {
    for (const index of bricks) await this.bricks[index]!.kill();
    await waitUntil(() => bricks.every((index) => (this.state.up & (1 << index)) === 0), {
      what: 'bricks that are away',
    });
    try {
      await change();
    } finally {
      for (const index of bricks) await this.bricks[index]!.restart();
    }
    await this.allUp();
    await waitUntil(
      () =>
        volume
          .healer()
          .bricks()
          .every(({ up }) => up),
      { what: 'all bricks, for the client' },
    );
  }

  async allUp(): Promise<void> {
    await waitUntil(() => this.state.up === this.state.all, { what: 'all bricks' });
  }

  /** As the first brick that knows it has it. */
  async lookup(path: string): Promise<Gfid> {
    let inode = new Inode(ROOT_GFID, 'directory');
    for (const name of path.split('/').filter((part) => part !== '')) {
      const loc = { inode: new Inode(), parent: inode, name };
      const answers = await Promise.allSettled(
        this.state.children.map((child) => child.lookup({ loc, flags: 0 }, rootContext())),
      );
      const found = answers.find((answer) => answer.status === 'fulfilled');
      if (found === undefined) throw new Error(`no brick has ${path}`);
      inode = new Inode(found.value.stat.gfid, typeOfMode(found.value.stat.mode));
    }
    return inode.gfid;
  }

  heal(path: string, thorough = false): Promise<FileHealResult> {
    return this.lookup(path).then((gfid) => healFile(this.state, gfid, rootContext(), { thorough }));
  }

  /** Gfids that any brick's index holds. */
  listed(): string[] {
    return [...new Set(this.directories.flatMap((directory) => indexedOn(directory)))].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.graph.close();
    await this.cluster.stop();
  }
}

import {
  buildGraph,
  checked,
  type Environment,
  type FopTable,
  type Graph,
  type OptionOverride,
  ordered,
  type RangeOrder,
} from '../../graph/index.ts';
import { type FopName, fopNames } from '../../protocol/fops.ts';
import { parseVolfile } from '../../volfile/index.ts';
import { Shares } from './shared.ts';

export interface GraphSource {
  readonly text: string;
  /** Where the text came from, for messages. */
  readonly source: string;
  readonly environment: Omit<Environment, 'share'>;
  readonly overrides: readonly OptionOverride[];
  /** Outlives graphs: calls of the old one may still be under way. */
  readonly order: RangeOrder;
}

type AnyFop = (request: object, context: object) => Promise<unknown>;

/** A graph with the calls that are under way in it. */
export class RunningGraph {
  readonly fops: FopTable;
  readonly owners: ReadonlySet<object>;
  private calls = 0;
  private idle: (() => void)[] = [];

  private constructor(
    readonly text: string,
    readonly graph: Graph,
    private readonly shares: Shares,
    order: RangeOrder,
  ) {
    this.fops = checked(ordered(this.counted(graph.top), order));
    this.owners = new Set(graph.translators);
  }

  /**
   * Builds a graph; nothing is connected yet.
   * @throws GlfsError as parseVolfile and buildGraph do.
   */
  static build({ text, source, environment, overrides, order }: GraphSource): RunningGraph {
    const shares = new Shares();
    try {
      const volfile = parseVolfile(text, { source });
      const graph = buildGraph(volfile, { ...environment, share: shares.share }, overrides);
      return new RunningGraph(text, graph, shares, order);
    } catch (error) {
      void shares.release();
      throw error;
    }
  }

  private counted(top: FopTable): FopTable {
    const table: FopTable = { ...top };
    for (const fop of fopNames) Object.assign(table, { [fop]: this.count(fop, top) });
    return table;
  }

  private count(fop: FopName, top: FopTable): AnyFop {
    const next = top[fop] as unknown as AnyFop;
    return (request, context) => {
      this.calls++;
      return next(request, context).finally(this.leave);
    };
  }

  private readonly leave = (): void => {
    if (--this.calls > 0) return;
    const idle = this.idle;
    this.idle = [];
    for (const wake of idle) wake();
  };

  /** Counts as a call under way until it is let go. */
  hold(): () => void {
    this.calls++;
    return once(this.leave);
  }

  /** Resolves when no call is under way. */
  async drained(): Promise<void> {
    while (this.calls > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  async close(): Promise<void> {
    await this.graph.close();
    await this.shares.release();
  }
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}

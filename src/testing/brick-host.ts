import { GlfsError } from '../errors.ts';
import { buildGraph, type Environment, type Graph } from '../graph/index.ts';
import { type Logger, silent } from '../logger.ts';
import type { FopName } from '../protocol/fops.ts';
import { parseVolfile } from '../volfile/index.ts';
import { ProtocolServer } from '../xlators/protocol/server/index.ts';
import '../xlators/index.ts';
import type { BrickOrders } from './brick-orders.ts';
import { Faults } from './faults/index.ts';
import type { FaultRule } from './types.ts';

interface Running {
  readonly graph: Graph;
  readonly server: ProtocolServer;
  readonly faults: Faults;
}

/** A brick in this process: the graph of its volfile, at most one at a time. */
export class BrickHost implements BrickOrders {
  private running: Running | undefined;

  constructor(
    private readonly name: string,
    private readonly log: Logger = silent,
  ) {}

  async start(volfile: string): Promise<number> {
    const graph = buildGraph(parseVolfile(volfile, { source: this.name }), this.environment());
    const running = {
      graph,
      server: theOne(graph, ProtocolServer),
      faults: theOne(graph, Faults),
    };
    try {
      await graph.start();
    } catch (error) {
      await graph.close();
      throw error;
    }
    this.running = running;
    return running.server.port;
  }

  /** Bricks share nothing with anybody. */
  private environment(): Environment {
    return { logger: this.log, volume: this.name, share: (_, create) => create() };
  }

  async kill(): Promise<void> {
    const running = this.running;
    this.running = undefined;
    if (running === undefined) return;
    // Connections first: whatever ends from here on, nobody hears of it.
    await running.server.rpc.close();
    running.faults.end();
    await running.graph.close();
  }

  async freeze(): Promise<void> {
    this.up.server.rpc.pause();
  }

  async thaw(): Promise<void> {
    this.up.server.rpc.resume();
  }

  async disconnectClients(): Promise<void> {
    this.up.server.rpc.destroyConnections();
  }

  async addFault(rule: FaultRule): Promise<number> {
    return this.up.faults.schedule.add(rule);
  }

  async removeFault(rule: number): Promise<void> {
    this.up.faults.schedule.remove(rule);
  }

  async faultActed(rule: number): Promise<number> {
    return this.up.faults.schedule.acted(rule);
  }

  async clearFaults(): Promise<void> {
    this.up.faults.schedule.clear();
  }

  async fill(full: boolean): Promise<void> {
    this.up.faults.schedule.fill(full);
  }

  async counts(): Promise<Partial<Record<FopName, number>>> {
    return this.up.faults.counts();
  }

  private get up(): Running {
    if (this.running === undefined) throw new GlfsError('ENOTCONN', `brick ${this.name} is down`);
    return this.running;
  }
}

type Class<T> = abstract new (...given: never[]) => T;

function theOne<T>(graph: Graph, type: Class<T>): T {
  const found = graph.translators.find((translator) => translator instanceof type);
  if (found === undefined) throw new GlfsError('EINVAL', `a brick needs a ${type.name}`);
  return found as T;
}

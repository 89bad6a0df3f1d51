import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { waitFrozen } from './frozen.ts';
import type { Glusterd } from './glusterd.ts';
import type { Pool } from './pool.ts';
import { killAndWait, runsWith, signal } from './processes.ts';
import { parseStatus, parseTask, type TaskStatus } from './volume-status.ts';
import { waitUntil } from './wait.ts';

/** How a volume is to look. */
export interface CreateVolume {
  /** Number of bricks in all; brick i lies on `nodes[i % nodes.length]`. */
  bricks: number;
  /** Words between name and bricks, for instance `replica 3`, `disperse 6 redundancy 2`. Default: distribute. */
  type?: string;
  /** Options, set with one command before the start. */
  options?: Record<string, string>;
  /** Indices of the glusterds that the bricks go to (default: all of the pool in turn). */
  nodes?: number[];
  /** False to leave the volume stopped. */
  start?: boolean;
}

/** A brick: where it lies, and port and process as they were when last asked for. */
export interface Brick {
  /** Position in the volume, as in `<volume>-client-<index>`. */
  index: number;
  node: Glusterd;
  host: string;
  path: string;
  port: number;
  pid: number;
}

/** A volume of a pool. Every test file makes volumes of its own and deletes them. */
export class TestVolume {
  readonly pool: Pool;
  readonly name: string;
  bricks: Brick[] = [];
  private made = 0;
  private readonly nodes: number[];

  private constructor(pool: Pool, name: string, nodes: number[]) {
    this.pool = pool;
    this.name = name;
    this.nodes = nodes;
  }

  /** See {@link Pool.createVolume}. */
  static async create(pool: Pool, name: string, options: CreateVolume): Promise<TestVolume> {
    const volume = new TestVolume(pool, name, options.nodes ?? pool.nodes.map((_, index) => index));
    volume.bricks = volume.place(options.bricks);
    const type = options.type ? options.type.split(' ') : [];
    await volume.cli('create', name, ...type, ...volume.bricks.map(address), 'force');
    if (options.options && Object.keys(options.options).length) await volume.setAll(options.options);
    if (options.start !== false) await volume.start();
    return volume;
  }

  /** `gluster://host,host,…/name` with all glusterds of the pool. */
  get url(): string {
    return `gluster://${this.pool.hosts.join(',')}/${this.name}`;
  }

  /** The brick at an index from 0. */
  brick(index: number): Brick {
    const brick = this.bricks[index];
    if (!brick) throw new RangeError(`${this.name} has no brick ${index}`);
    return brick;
  }

  /** `gluster volume <args>` on the first running glusterd. */
  cli(...args: string[]): Promise<string> {
    return this.pool.manager.cli(['volume', ...args]);
  }

  /** Starts the volume and waits until every brick is online. */
  async start(): Promise<void> {
    await this.cli('start', this.name);
    await this.waitOnline();
  }

  /** Stops the volume: all its bricks end. */
  async stop(): Promise<void> {
    await this.cli('stop', this.name, 'force');
  }

  /** Asks for pids and ports again. Bricks of stopped glusterds keep what was known last. */
  async refresh(): Promise<Brick[]> {
    const status = parseStatus(await this.cli('status', this.name, '--xml'));
    for (const brick of this.bricks) {
      const seen = status.find((node) => node.host === brick.host && node.path === brick.path);
      if (!seen) continue;
      brick.port = seen.online ? seen.port : 0;
      brick.pid = seen.online ? seen.pid : 0;
    }
    return this.bricks;
  }

  /** Waits until the given bricks (default: all) are online with a live process. */
  async waitOnline(indices: number[] = this.bricks.map((brick) => brick.index)): Promise<void> {
    await waitUntil(
      async () => {
        await this.refresh();
        return indices.every((index) => this.brick(index).port > 0 && isRunning(this.brick(index)));
      },
      { what: `bricks ${indices} of ${this.name} to be online`, timeoutMs: 60_000 },
    );
  }

  /** SIGKILL for a brick; returns when it is gone. (With brick multiplexing its neighbours go with it.) */
  async killBrick(index: number): Promise<void> {
    const brick = this.brick(index);
    if (isRunning(brick)) await killAndWait(brick.pid, 'SIGKILL');
    // A zombie that no init reaps looks alive to glusterd as long as its pid file stands, for 3 s each time.
    const name = `${brick.host}${brick.path.replaceAll('/', '-')}.pid`;
    rmSync(join(brick.node.runDirectory, 'vols', this.name, name), { force: true });
  }

  /** Freezes a brick: connections stay, nothing answers once this has returned. */
  async stopBrick(index: number): Promise<void> {
    this.signalBrick(index, 'SIGSTOP');
    await waitFrozen(this.brick(index).pid);
  }

  /** Wakes a frozen brick. */
  contBrick(index: number): void {
    this.signalBrick(index, 'SIGCONT');
  }

  /**
   * Starts a brick again (killing it first if it lives) and returns its port. The old port is kept busy
   * meanwhile, so the new one always differs; a client that tries the old one is refused.
   */
  async restartBrick(index: number): Promise<number> {
    const brick = this.brick(index);
    const { pid, port } = brick;
    await this.killBrick(index);
    const guard = port ? await occupy(port) : undefined;
    try {
      await waitUntil(
        async () => {
          await this.refresh();
          if (brick.port && brick.pid !== pid && isRunning(brick)) return true;
          await this.cli('start', this.name, 'force');
          return false;
        },
        { what: `brick ${brick.host}:${brick.path} to be back`, timeoutMs: 60_000, everyMs: 50 },
      );
    } finally {
      guard?.close();
    }
    if (brick.port === port)
      throw new Error(`brick ${index} of ${this.name} came back on its old port ${port}`);
    return brick.port;
  }

  /** `gluster volume set`: clients are told at once. */
  async set(key: string, value: string): Promise<void> {
    await this.setAll({ [key]: value });
  }

  /** Several options with one command. */
  async setAll(options: Record<string, string>): Promise<void> {
    await this.cli('set', this.name, ...Object.entries(options).flat());
  }

  /** `gluster volume reset`: one option, or all. */
  async reset(key?: string): Promise<void> {
    await this.cli('reset', this.name, ...(key ? [key] : []));
  }

  /** Adds bricks (by default to a distribute volume) and waits until they are online. No rebalance. */
  async addBrick(options: { bricks: number; type?: string }): Promise<Brick[]> {
    const added = this.place(options.bricks);
    const type = options.type ? options.type.split(' ') : [];
    await this.cli('add-brick', this.name, ...type, ...added.map(address), 'force');
    this.bricks.push(...added);
    await this.waitOnline();
    return added;
  }

  /** `start` decommissions bricks (files move away), `commit` takes them out, `force` does so with their files. */
  async removeBrick(indices: number[], step: 'start' | 'commit' | 'stop' | 'force'): Promise<void> {
    await this.cli('remove-brick', this.name, ...indices.map((index) => address(this.brick(index))), step);
    if (step === 'commit' || step === 'force') {
      this.bricks = this.bricks.filter((brick) => !indices.includes(brick.index));
      for (const [index, brick] of this.bricks.entries()) brick.index = index;
    }
  }

  /** State of a decommissioning. */
  async removeBrickStatus(indices: number[]): Promise<TaskStatus> {
    const bricks = indices.map((index) => address(this.brick(index)));
    return parseTask(await this.cli('remove-brick', this.name, ...bricks, 'status', '--xml'));
  }

  /**
   * Starts a rebalance. The command itself takes 5 s, and 10 s when bricks lie on other nodes than the first: keep
   * volumes that are to be rebalanced on `nodes: [0]` where the story allows it. `fix-layout` moves no files, `force` also moves
   * them to where there is less room.
   */
  async startRebalance(kind: 'full' | 'fix-layout' | 'force' = 'full'): Promise<void> {
    const words = { full: ['start'], 'fix-layout': ['fix-layout', 'start'], force: ['start', 'force'] }[kind];
    await this.cli('rebalance', this.name, ...words);
  }

  /** State of the rebalance, summed and node by node. */
  async rebalanceStatus(): Promise<TaskStatus> {
    return parseTask(await this.cli('rebalance', this.name, 'status', '--xml'));
  }

  /** Waits for the end of a rebalance; throws when it failed on a node. */
  waitRebalance(timeoutMs = 120_000): Promise<TaskStatus> {
    return waitTask(() => this.rebalanceStatus(), `the rebalance of ${this.name}`, timeoutMs);
  }

  /** Waits until the files have left the bricks that `removeBrick(…, 'start')` decommissioned. */
  waitRemoveBrick(indices: number[], timeoutMs = 120_000): Promise<TaskStatus> {
    return waitTask(() => this.removeBrickStatus(indices), `the emptying of bricks ${indices}`, timeoutMs);
  }

  /** `gluster volume profile start|stop|info [incremental]`. */
  profile(...args: string[]): Promise<string> {
    return this.cli('profile', this.name, ...args);
  }

  /** Stops and deletes the volume and removes its bricks' directories. Running mounts are the caller's. */
  async delete(): Promise<void> {
    const { code, stdout } = await this.pool.manager.tryCli(['volume', 'info', this.name, '--xml']);
    if (code === 0 && /<opRet>0</.test(stdout)) {
      if (/<statusStr>Started</.test(stdout)) await this.stopAtOnce();
      await this.cli('delete', this.name);
    }
    for (let serial = 0; serial < this.made; serial++) {
      for (const node of this.pool.nodes) rmSync(this.pathOf(node, serial), { recursive: true, force: true });
    }
    this.bricks = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete();
  }

  /**
   * glusterd sleeps a second for each brick whose pid file it finds when it stops a volume; without the files it
   * doesn't. As long as it has not seen that the bricks are dead it refuses, and is asked again.
   */
  private async stopAtOnce(): Promise<void> {
    await this.refresh();
    for (const { index } of this.bricks) await this.killBrick(index);
    await waitUntil(
      async () => (await this.pool.manager.tryCli(['volume', 'stop', this.name, 'force'])).code === 0,
      {
        what: `the stop of ${this.name}`,
      },
    );
  }

  private signalBrick(index: number, name: NodeJS.Signals): void {
    const brick = this.brick(index);
    if (!isRunning(brick)) throw new Error(`brick ${index} of ${this.name} does not run`);
    signal(brick.pid, name);
  }

  private pathOf(node: Glusterd, serial: number): string {
    return join(node.brickDirectory, `${this.name}-b${serial}`);
  }

  private place(count: number): Brick[] {
    return Array.from({ length: count }, () => {
      const serial = this.made++;
      const node = this.pool.node(this.nodes[serial % this.nodes.length] ?? 0);
      return { index: serial, node, host: node.host, path: this.pathOf(node, serial), port: 0, pid: 0 };
    });
  }
}

async function waitTask(
  look: () => Promise<TaskStatus>,
  what: string,
  timeoutMs: number,
): Promise<TaskStatus> {
  const done = await waitUntil(
    async () => {
      const task = await look();
      return task.nodes.every((node) => !/in progress|not started/.test(node.status)) && task;
    },
    { what, timeoutMs, everyMs: 200 },
  );
  const bad = done.nodes.filter((node) => node.status !== 'completed');
  if (bad.length) throw new Error(`${what}: ${JSON.stringify(bad)}`);
  return done;
}

/** With brick multiplexing the process may bear another brick's path, but always one of the same glusterd. */
function isRunning(brick: Brick): boolean {
  return runsWith(brick.pid, `${brick.node.brickDirectory}/`);
}

function address(brick: Brick): string {
  return `${brick.host}:${brick.path}`;
}

/**
 * Keeps a port from glusterd, which takes one only if it is free on all addresses. The address is one that no
 * brick has, so that clients of the brick find the port closed. Undefined when it could not be had.
 */
function occupy(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.254.254.254', () => resolve(server));
  });
}

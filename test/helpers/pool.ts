import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Glusterd, type GlusterdInfo } from './glusterd.ts';
import { killProcessesOf, mountsBelow, run, startReaper } from './processes.ts';
import { type CreateVolume, TestVolume } from './volume.ts';
import { waitUntil } from './wait.ts';

/** How a pool is to look. */
export interface StartPool {
  /** First three octets of its loopback addresses, for instance `127.1.1`: glusterds on .1, .2, … */
  subnet: string;
  /** Number of glusterds (default 3). */
  count?: number;
  /** Directory for everything; default: a fresh one in the first place whose file system takes trusted.* attributes. */
  directory?: string;
  /** Further `management.…` options of every glusterd, without the prefix. */
  options?: Record<string, string>;
}

/** All that is needed to use a running pool from another process. Plain data. */
export interface PoolInfo {
  directory: string;
  nodes: GlusterdInfo[];
}

/** A trusted pool of real glusterds on this machine's loopback addresses. */
export class Pool {
  readonly info: PoolInfo;
  readonly nodes: Glusterd[];
  private serial = 0;

  constructor(info: PoolInfo) {
    this.info = info;
    this.nodes = info.nodes.map((node) => new Glusterd(node));
  }

  /** Directory of the pool; whatever lies below it goes with `stop()`. */
  get directory(): string {
    return this.info.directory;
  }

  /** Addresses of the glusterds, for instance to be joined to `gluster://a,b,c/volume`. */
  get hosts(): string[] {
    return this.nodes.map((node) => node.host);
  }

  /** The glusterd at an index from 0. */
  node(index: number): Glusterd {
    const node = this.nodes[index];
    if (!node) throw new RangeError(`the pool has no glusterd ${index}`);
    return node;
  }

  /** The first glusterd that runs: the one that volume commands go to. */
  get manager(): Glusterd {
    const node = this.nodes.find((candidate) => candidate.pid !== undefined);
    if (!node) throw new Error('no glusterd of the pool runs');
    return node;
  }

  /** `gluster <args>` against glusterd number `index`; see {@link Glusterd.cli} for retries and errors. */
  cli(index: number, ...args: string[]): Promise<string> {
    return this.node(index).cli(args);
  }

  /** A path below the pool's directory that no one else of this process has: for mount points, files, volfiles. */
  scratch(name: string): string {
    this.serial++;
    return join(this.directory, `${name}-${process.pid}-${this.serial}`);
  }

  /** Makes, starts and waits for a volume. Throws CliError when glusterd refuses it. */
  createVolume(name: string, options: CreateVolume): Promise<TestVolume> {
    return TestVolume.create(this, name, options);
  }

  /** Stops glusterd number `index` (default SIGKILL) and leaves its bricks running. */
  async stopGlusterd(index: number, signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    await this.node(index).stop(signal);
  }

  /** Starts glusterd number `index` again and waits until all running ones see it. It restarts its dead bricks. */
  async startGlusterd(index: number): Promise<void> {
    await this.node(index).start();
    await this.waitConnected();
  }

  /** Waits until every running glusterd sees every other running one as a connected member. */
  async waitConnected(): Promise<void> {
    const running = this.nodes.filter((node) => node.pid !== undefined);
    for (const node of running) {
      await waitUntil(
        async () => {
          const xml = await node.cli(['pool', 'list', '--xml']);
          return (xml.match(/<connected>1<\/connected>/g) ?? []).length >= running.length;
        },
        { what: `the peers of ${node.host}`, timeoutMs: 60_000, everyMs: 50 },
      );
    }
  }

  /** Kills every process of the pool, glusterds first (they would restart others), unmounts, removes the directory. */
  async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop();
    for (const point of mountsBelow(this.directory)) await run('umount', ['-l', point]);
    await killProcessesOf(this.directory);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Port ranges: below the ephemeral ports and below 49152, from which libgfapi binds downward. */
const firstPort = 20_100;
const portsPerNode = 400;

/**
 * Starts `count` glusterds and makes them one trusted pool. Needs root. If this process dies, a reaper ends
 * the pool. Start takes about 2 to 3 s, nearly all of it glusterd's own.
 */
export async function startPool(options: StartPool): Promise<Pool> {
  const { subnet, count = 3 } = options;
  const directory = options.directory ?? (await makePoolDirectory());
  startReaper(directory);
  const nodes = Array.from({ length: count }, (_, index): GlusterdInfo => {
    const first = firstPort + index * portsPerNode;
    return {
      host: `${subnet}.${index + 1}`,
      directory: join(directory, `n${index + 1}`),
      ports: [first, first + portsPerNode - 1],
      options: options.options ?? {},
    };
  });
  const pool = new Pool({ directory, nodes });
  try {
    await Promise.all(pool.nodes.map((node) => node.start()));
    for (const host of pool.hosts.slice(1)) await pool.cli(0, 'peer', 'probe', host);
    await pool.waitConnected();
    return pool;
  } catch (error) {
    await pool.stop();
    throw error;
  }
}

/** A fresh directory on a file system that holds trusted.* attributes: bricks need them. */
async function makePoolDirectory(): Promise<string> {
  const refused: string[] = [];
  for (const parent of [tmpdir(), '/var/tmp', '/var/lib']) {
    // Short, since the path of glusterd's unix socket must fit 108 bytes.
    const directory = realpathSync(mkdtempSync(join(parent, 'glfs-pool-')));
    const probe = join(directory, 'probe');
    mkdirSync(probe);
    writeFileSync(join(probe, 'file'), '');
    const { code, stderr } = await run('setfattr', [
      '-n',
      'trusted.glfs.probe',
      '-v',
      '1',
      join(probe, 'file'),
    ]);
    rmSync(probe, { recursive: true });
    if (code === 0) return directory;
    rmSync(directory, { recursive: true });
    refused.push(`${parent}: ${stderr.trim()}`);
  }
  throw new Error(
    `no place for bricks (root and trusted.* extended attributes are needed): ${refused.join('; ')}`,
  );
}

import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { connect, type Volume, type VolumeOptions } from '../api/index.ts';
import { GlfsError, toGlfsError } from '../errors.ts';
import { silent } from '../logger.ts';
import { type ClusterState, layoutOf, loadState, lockDirectory, saveState } from './cluster-state.ts';
import { EmbeddedVolume } from './embedded-volume.ts';
import type { ManagedVolumes } from './management-answers.ts';
import { ManagementServer } from './management-server.ts';
import type { Cluster, ClusterOptions, TestBrick } from './types.ts';
import type { TlsFiles } from './volume-plan.ts';

/**
 * Starts a cluster of the volumes in `options`: bricks and a management server, over TCP. With the same directory the next
 * cluster serves the same data under the same ids, and on the same ports where they are free.
 * @throws GlfsError EINVAL for options that are none, or a directory that holds other volumes; EBUSY where another cluster
 *   has it; EADDRINUSE, EADDRNOTAVAIL, EACCES where it can't listen; what the host says of a directory that can't be made or
 *   written to.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  checkOptions(options);
  const directory = realpathSync(
    options.directory === undefined
      ? mkdtempSync(join(tmpdir(), 'glfs-cluster-'))
      : prepared(resolve(options.directory)),
  );
  const release: (() => void)[] = [];
  if (options.directory === undefined) {
    const remove = (): void => rmSync(directory, { recursive: true, force: true });
    // For programs that end without `stop`.
    process.on('exit', remove);
    release.push(remove, () => void process.off('exit', remove));
  }
  try {
    release.push(lockDirectory(directory));
    const cluster = new EmbeddedCluster(options, directory, release);
    await cluster.start();
    return cluster;
  } catch (error) {
    for (const step of release.splice(0).reverse()) step();
    throw toGlfsError(error);
  }
}

/** One by one: node's own recursive mkdir never comes to an end where a parent is there and takes no directories, as /proc. */
function prepared(directory: string): string {
  const missing: string[] = [];
  for (let at = directory; !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  try {
    for (const path of missing) mkdirSync(path);
  } catch (error) {
    throw toGlfsError(error);
  }
  return directory;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Bricks let everybody in who has asked for the volfile: nobody beyond this machine shall be able to. */
function isLoopback(host: string): boolean {
  return isIP(host) !== 0 && loopback.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

/** @throws GlfsError EINVAL, before anything is made. */
function checkOptions({ volumes, host, port, bricks, seed, tls, managementTls }: ClusterOptions): void {
  if (Object.keys(volumes).length === 0) throw new GlfsError('EINVAL', 'a cluster needs a volume');
  for (const [name, spec] of Object.entries(volumes)) layoutOf(name, spec);
  if (host !== undefined && !isLoopback(host))
    throw new GlfsError('EINVAL', `host '${host}': a loopback address is expected, 127.… or ::1`);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65535))
    throw new GlfsError('EINVAL', `port ${port}: from 0 to 65535 is expected`);
  if (bricks !== undefined && bricks !== 'process' && bricks !== 'workers')
    throw new GlfsError('EINVAL', `bricks '${bricks}': 'process' or 'workers' is expected`);
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw new GlfsError('EINVAL', `seed ${seed}: an integer is expected`);
  if (managementTls === true && tls === undefined)
    throw new GlfsError('EINVAL', 'managementTls needs certificates (option tls)');
}

class EmbeddedCluster implements Cluster {
  readonly host: string;
  private readonly state: ClusterState;
  private readonly volumes: ReadonlyMap<string, EmbeddedVolume>;
  private readonly management: ManagementServer;
  private stopping: Promise<void> | undefined;
  private isUp = false;

  constructor(
    private readonly options: ClusterOptions,
    readonly directory: string,
    private readonly release: (() => void)[],
  ) {
    this.host = options.host ?? '127.0.0.1';
    this.state = loadState(directory, options.volumes);
    const log = options.logger ?? silent;
    const around = {
      directory,
      host: this.host,
      workers: options.bricks === 'workers',
      seed: options.seed ?? 1,
      tls: this.tlsFiles(),
      log,
      managementPort: () => this.management.port,
    };
    this.volumes = new Map(
      Object.entries(options.volumes).map(([name, spec]) => [
        name,
        new EmbeddedVolume(name, layoutOf(name, spec), this.state.volumes[name]!, around),
      ]),
    );
    const tls = options.managementTls === true ? options.tls : undefined;
    this.management = new ManagementServer({ host: this.host, volumes: this.managed(), log, tls });
  }

  /** Bricks read their certificates from files. */
  private tlsFiles(): TlsFiles | undefined {
    const { tls } = this.options;
    if (tls === undefined) return undefined;
    const written = (name: keyof TlsFiles): string => {
      const path = join(this.directory, `tls-${name}.pem`);
      writeFileSync(path, tls[name], { mode: 0o600 });
      return path;
    };
    return { ca: written('ca'), cert: written('cert'), key: written('key') };
  }

  private managed(): ManagedVolumes {
    return {
      volumeId: (name) => this.volumes.get(name)?.state.id,
      volfile: (key) => {
        const volume = this.volumes.get(key);
        if (volume !== undefined) return volume.clientVolfile();
        const ofBricks = [...this.volumes.values()].map((one) => one.brickVolfiles().get(key));
        return ofBricks.find((volfile) => volfile !== undefined);
      },
      port: (directory) => {
        const brick = [...this.volumes.values()]
          .flatMap(({ bricks }) => bricks)
          .find((one) => one.directory === directory);
        return brick === undefined || brick.state === 'down' ? undefined : brick.port;
      },
    };
  }

  /** Bricks first: the volfiles name their ports, and clients may come back at once. */
  async start(): Promise<void> {
    try {
      // What bricks are marked with is kept before they are: a start that fails later must not make the directory useless.
      saveState(this.directory, this.state);
      const starts = await Promise.allSettled([...this.volumes.values()].map((volume) => volume.start()));
      for (const start of starts) if (start.status === 'rejected') throw start.reason;
      await this.listen();
      this.state.port = this.port;
      saveState(this.directory, this.state);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.isUp = true;
  }

  private async listen(): Promise<void> {
    const { port = 0 } = this.options;
    if (port !== 0 || this.state.port === 0) return this.management.listen(port);
    try {
      await this.management.listen(this.state.port);
    } catch (error) {
      if (!(error instanceof GlfsError && error.code === 'EADDRINUSE')) throw error;
      await this.management.listen(0);
    }
  }

  get port(): number {
    return this.management.port;
  }

  url(volume: string): string {
    this.volume(volume);
    const scheme = this.options.managementTls === true ? 'gluster+tls' : 'gluster';
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `${scheme}://${host}:${this.port}/${volume}`;
  }

  bricks(volume: string): readonly TestBrick[] {
    return this.volume(volume).bricks;
  }

  async connect(volume: string, options: VolumeOptions = {}): Promise<Volume> {
    return connect(this.url(volume), { tls: this.options.tls, ...options });
  }

  async set(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    const volume = this.volume(name);
    if (!this.isUp) throw new GlfsError('ENOTCONN', 'the cluster is stopped');
    await volume.set(options);
    saveState(this.directory, this.state);
    this.management.announceChange();
  }

  volfile(volume: string): string {
    return this.volume(volume).clientVolfile();
  }

  private volume(name: string): EmbeddedVolume {
    const volume = this.volumes.get(name);
    if (volume === undefined) throw new GlfsError('ENOENT', `the cluster has no volume ${name}`);
    return volume;
  }

  async stop(): Promise<void> {
    this.isUp = false;
    this.stopping ??= this.close().finally(() => {
      for (const step of this.release.splice(0).reverse()) step();
    });
    await this.stopping;
  }

  private async close(): Promise<void> {
    await this.management.close();
    await Promise.all([...this.volumes.values()].map((volume) => volume.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

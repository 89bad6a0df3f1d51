import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GlfsError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Brick } from './brick.ts';
import { BrickHost } from './brick-host.ts';
import { brickVolfile } from './brick-volfile.ts';
import { BrickWorker } from './brick-worker.ts';
import { clientVolfile } from './client-volfile.ts';
import type { VolumeState } from './cluster-state.ts';
import { checkVolumeOptions, isOn, type VolumeOptionValues } from './volume-options.ts';
import { brickVolfileId, type TlsFiles, type VolumePlan } from './volume-plan.ts';
import type { Layout } from './volume-type.ts';

/** What all volumes of a cluster have in common. */
export interface VolumeSurroundings {
  readonly directory: string;
  readonly host: string;
  readonly workers: boolean;
  readonly seed: number;
  readonly tls?: TlsFiles;
  readonly log: Logger;
  readonly managementPort: () => number;
}

/** One volume of the cluster: its bricks, and the volfiles that follow from what is set. */
export class EmbeddedVolume {
  readonly bricks: readonly Brick[];

  constructor(
    readonly name: string,
    private readonly layout: Layout,
    /** Changed in place: it is what is saved. */
    readonly state: VolumeState,
    private readonly around: VolumeSurroundings,
  ) {
    this.checkTls(state.options);
    this.bricks = state.ports.map((port, index) => this.brick(index, port));
  }

  private brick(index: number, port: number): Brick {
    const directory = join(this.around.directory, this.name, `brick-${index}`);
    const name = `${this.name}-${index}`;
    return new Brick({
      name,
      index,
      directory,
      port,
      volfile: (listen) => brickVolfile(this.plan(), { index, directory, port: listen }),
      host: (onDeath) =>
        this.around.workers
          ? new BrickWorker(name, onDeath, this.around.log)
          : new BrickHost(name, this.around.log),
    });
  }

  private plan(): VolumePlan {
    const { id, username, password, options, volfile, brickVolfile: brickTemplate } = this.state;
    const { host, seed, tls, managementPort } = this.around;
    return {
      name: this.name,
      id,
      layout: this.layout,
      options,
      username,
      password,
      host,
      managementPort: managementPort(),
      bricks: this.bricks,
      template: volfile,
      brickTemplate,
      tls,
      seed,
    };
  }

  /** @throws what a brick's start does; others may be running then. */
  async start(): Promise<void> {
    for (const { directory } of this.bricks) mkdirSync(directory, { recursive: true });
    const outcomes = await Promise.allSettled(this.bricks.map((brick) => brick.startAnywhere()));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    this.state.ports = this.bricks.map(({ port }) => port);
  }

  async stop(): Promise<void> {
    await Promise.all(this.bricks.map((brick) => brick.kill()));
  }

  clientVolfile(): string {
    return clientVolfile(this.plan());
  }

  /**
   * For whoever asks. Without the password, which glusterd gives to everybody: it would let those in whom `auth.allow` keeps
   * out. Bricks here don't ask, they are started with theirs.
   */
  brickVolfiles(): ReadonlyMap<string, string> {
    const plan = { ...this.plan(), password: '' };
    return new Map(this.bricks.map((brick) => [brickVolfileId(plan, brick), brickVolfile(plan, brick)]));
  }

  /**
   * Sets options, and restarts the bricks that they change.
   * @throws GlfsError EINVAL; nothing has changed then.
   */
  async set(options: VolumeOptionValues): Promise<void> {
    checkVolumeOptions(options);
    this.checkTls(options);
    Object.assign(this.state.options, options);
    await Promise.all(this.bricks.map((brick) => brick.follow()));
  }

  private checkTls(options: VolumeOptionValues): void {
    for (const name of ['client.ssl', 'server.ssl'])
      if (isOn(options, name, false) && this.around.tls === undefined)
        throw new GlfsError('EINVAL', `volume option ${name} needs certificates (option tls of the cluster)`);
  }
}

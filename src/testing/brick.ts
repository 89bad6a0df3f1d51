import { GlfsError } from '../errors.ts';
import type { FopName } from '../protocol/fops.ts';
import type { BrickOrders } from './brick-orders.ts';
import type { ActiveFault, FaultRule, TestBrick } from './types.ts';

export interface BrickOptions {
  readonly name: string;
  readonly index: number;
  readonly directory: string;
  /** Port of the last time; 0 where there was none. */
  readonly port: number;
  /** The volfile as it is now, with a port to listen on. */
  readonly volfile: (port: number) => string;
  /** A brick to give orders to; `onDeath` is told when it ends by itself. */
  readonly host: (onDeath: () => void) => BrickOrders;
}

/** One brick of an embedded volume, wherever it runs. What changes its state goes one after the other. */
export class Brick implements TestBrick {
  readonly index: number;
  readonly directory: string;
  private readonly host: BrickOrders;
  private lastPort: number;
  private current: TestBrick['state'] = 'down';
  /** The volfile that it was started with. */
  private running: string | undefined;
  private isFull = false;
  /** Counts starts: rules are those of one. */
  private life = 0;
  private thawing: NodeJS.Timeout | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: BrickOptions) {
    this.index = options.index;
    this.directory = options.directory;
    this.lastPort = options.port;
    this.host = options.host(() => {
      this.current = 'down';
    });
  }

  get port(): number {
    return this.lastPort;
  }

  get state(): TestBrick['state'] {
    return this.current;
  }

  /** As `restart`; where the port of the last time is taken by another, on one that is free. */
  async startAnywhere(): Promise<void> {
    await this.turn(async () => {
      try {
        await this.startNow();
      } catch (error) {
        if (this.lastPort === 0 || !(error instanceof GlfsError && error.code === 'EADDRINUSE')) throw error;
        this.lastPort = 0;
        await this.startNow();
      }
    });
  }

  async restart(): Promise<void> {
    await this.turn(async () => {
      await this.killNow();
      await this.startNow();
    });
  }

  /** Restarts it where its volfile has changed since it was started, and it is not down. */
  async follow(): Promise<void> {
    await this.turn(async () => {
      if (this.current === 'down' || this.running === this.options.volfile(this.lastPort)) return;
      await this.killNow();
      await this.startNow();
    });
  }

  async kill(): Promise<void> {
    await this.turn(() => this.killNow());
  }

  async freeze(milliseconds?: number): Promise<void> {
    await this.turn(async () => {
      this.mustRun();
      clearTimeout(this.thawing);
      await this.host.freeze();
      this.current = 'frozen';
      if (milliseconds !== undefined)
        this.thawing = setTimeout(() => void this.thaw().catch(() => {}), milliseconds);
    });
  }

  async thaw(): Promise<void> {
    await this.turn(async () => {
      clearTimeout(this.thawing);
      if (this.current !== 'frozen') return;
      await this.host.thaw();
      this.current = 'up';
    });
  }

  async fault(rule: FaultRule): Promise<ActiveFault> {
    this.mustRun();
    const { life } = this;
    const id = await this.host.addFault(rule);
    return {
      remove: async () => {
        // Rules end with the brick; a later one's number is the same.
        if (this.life === life && this.current !== 'down') await this.host.removeFault(id);
      },
      acted: async () => {
        if (this.life !== life) throw this.down('it was restarted since, and its rules are gone');
        return this.host.faultActed(id);
      },
    };
  }

  async clearFaults(): Promise<void> {
    if (this.current !== 'down') await this.host.clearFaults();
  }

  async fill(full = true): Promise<void> {
    this.isFull = full;
    if (this.current !== 'down') await this.host.fill(full);
  }

  async disconnectClients(): Promise<void> {
    if (this.current !== 'down') await this.host.disconnectClients();
  }

  async counts(): Promise<Readonly<Partial<Record<FopName, number>>>> {
    this.mustRun();
    return this.host.counts();
  }

  private async turn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.last.then(act, act);
    this.last = mine.catch(() => {});
    return mine;
  }

  private async startNow(): Promise<void> {
    const volfile = this.options.volfile(this.lastPort);
    this.lastPort = await this.host.start(volfile);
    this.running = this.options.volfile(this.lastPort);
    this.life++;
    this.current = 'up';
    if (this.isFull) await this.host.fill(true);
  }

  private async killNow(): Promise<void> {
    clearTimeout(this.thawing);
    this.current = 'down';
    await this.host.kill();
  }

  private mustRun(): void {
    if (this.current === 'down') throw this.down('it is down');
  }

  private down(reason: string): GlfsError {
    return new GlfsError('ENOTCONN', `brick ${this.options.name}: ${reason}`);
  }
}

import type { Volume, VolumeOptions } from '../api/index.ts';
import type { ErrnoCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { FopName } from '../protocol/fops.ts';

/**
 * Layout of a volume: `distribute 3`, `replicate 3`, `replicate 3 arbiter 1`, `disperse 4+2`, and several sets of them
 * (`replicate 3 x 2`, `disperse 4+2 x 2`: distributed). The numbers are bricks of one set.
 */
export interface VolumeSpec {
  readonly type?: string;
  /** Client volfile of the user's own; `@BRICK0@`, `@PORT0@` … stand for the bricks that `bricks` counts. */
  readonly volfile?: string;
  readonly bricks?: number;
  /** Options as `gluster volume set` names them, e.g. `{'features.cache-invalidation': 'on'}`. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface ClusterOptions {
  readonly volumes: Readonly<Record<string, VolumeSpec>>;
  /** Where bricks lie: kept when the cluster stops. Without it a temporary directory that goes with the cluster. */
  readonly directory?: string;
  /** Loopback address to bind (default 127.0.0.1); real clients that only know port 24007 want one of their own, e.g. 127.1.1.9. */
  readonly host?: string;
  /** Port of the management server; 0, the default, takes a free one. */
  readonly port?: number;
  /** `process`: all bricks in this process (default); `workers`: a child process for each brick. */
  readonly bricks?: 'process' | 'workers';
  /** Seed of everything random in faults; the same seed gives the same schedule (default 1). */
  readonly seed?: number;
  /** TLS of bricks (and, with `managementTls`, of the management server). */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly managementTls?: boolean;
  /** A pino-like logger for the servers, those in workers too; silent by default. */
  readonly logger?: Logger;
}

/** What a brick does to calls, beside answering them. */
export interface FaultRule {
  /** Fops that the rule is about; absent: all. */
  readonly fop?: FopName | readonly FopName[];
  /** Acts on the nth such call from now (1 is the next), and on `times` calls from there (default 1; Infinity: for good). */
  readonly nth?: number;
  readonly times?: number;
  /** Instead of `nth`: acts on each call with this probability (0 to 1), by the cluster's seed. */
  readonly probability?: number;
  /**
   * `fail`: answered with `errno`, not executed. `fail-after`: executed, then answered with `errno`. `delay`: held for
   * `milliseconds` before it is executed. `drop`: executed, and the connection is cut instead of an answer.
   * `truncate`: executed, half of the answer is sent, then the connection is cut. `hang`: executed, and never answered.
   */
  readonly action: 'fail' | 'fail-after' | 'delay' | 'drop' | 'truncate' | 'hang';
  readonly errno?: ErrnoCode;
  readonly milliseconds?: number;
}

export interface TestBrick {
  /** 0, 1, … in the order of the volume. */
  readonly index: number;
  readonly directory: string;
  readonly port: number;
  readonly state: 'up' | 'frozen' | 'down';
  /** Ends it at once, as SIGKILL does a glusterfsd: connections break, locks and fds are gone, data stay. */
  kill(): Promise<void>;
  /** Starts it again, on the same port. */
  restart(): Promise<void>;
  /** Takes nothing in and sends nothing out, for so long or until `thaw`; connections stay. */
  freeze(milliseconds?: number): Promise<void>;
  thaw(): Promise<void>;
  /** Adds a rule; what it returns takes it away again and tells how often it acted. Rules end with the brick. */
  fault(rule: FaultRule): Promise<ActiveFault>;
  clearFaults(): Promise<void>;
  /** Every call that needs space fails with ENOSPC from now on, until `fill(false)`; a restart changes nothing in that. */
  fill(full?: boolean): Promise<void>;
  /** Cuts all connections of clients; they may come back. */
  disconnectClients(): Promise<void>;
  /** Calls answered since the start, by fop. */
  counts(): Promise<Readonly<Partial<Record<FopName, number>>>>;
}

export interface ActiveFault {
  remove(): Promise<void>;
  acted(): Promise<number>;
}

/** A set of volumes served over TCP on the loopback: a management server and bricks. */
export interface Cluster {
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  /** `gluster://host:port/volume`. */
  url(volume: string): string;
  bricks(volume: string): readonly TestBrick[];
  connect(volume: string, options?: VolumeOptions): Promise<Volume>;
  /**
   * As `gluster volume set`: changes the volfiles and tells all clients. Bricks whose own volfile changes are restarted.
   * @throws GlfsError EINVAL for options that the cluster does not have, or values that are none.
   */
  set(volume: string, options: Readonly<Record<string, string>>): Promise<void>;
  /** The client volfile in force. */
  volfile(volume: string): string;
  /** Ends everything; a temporary directory is removed. Idempotent. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

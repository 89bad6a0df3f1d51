import type { Volume, VolumeOptions } from '../api/index.ts';
import type { ErrnoCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { FopName } from '../protocol/fops.ts';

/**
 * Layout of a volume: `distribute 3`, `replicate 3`, `replicate 3 arbiter 1`, `disperse 4+2`, `stripe 2`, and several sets
 * of them (`replicate 3 x 2`, `disperse 4+2 x 2`: distributed). The numbers are bricks of one set.
 */
export interface VolumeSpec {
  /** Either this or `volfile`. */
  readonly type?: string;
  /** Client volfile of the user's own; `@BRICK0@`, `@PORT0@` … stand for the bricks that `bricks` counts. */
  readonly volfile?: string;
  /**
   * Volfile of each brick, of the user's own: translators between one `storage/posix` and, at the top, one `protocol/server`.
   * `@DIRECTORY@`, `@PORT@`, `@NAME@` (VOLUME-INDEX), `@INDEX@`, `@HOST@`, `@VOLUME@` and `@VOLUME_ID@` stand for what the cluster
   * knows; options that are left out are as in other bricks. With `bricks: 'workers'` only translators of glfs itself will do,
   * others are EOPNOTSUPP when the cluster starts.
   */
  readonly brickVolfile?: string;
  /** Number of bricks, from 1 to 128: needed with `volfile`, with `type` the number that it says. */
  readonly bricks?: number;
  /**
   * Options as `gluster volume set` names them, e.g. `{'features.cache-invalidation': 'on'}`. Those that there are stand in
   * docs/embedded-cluster.md, and in the error for one that is not.
   */
  readonly options?: Readonly<Record<string, string>>;
}

/** What `startCluster` takes. */
export interface ClusterOptions {
  /** Volumes by name: letters, digits, `_` and `-`. At least one. */
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
  /**
   * Certificate authority, certificate and key, PEM texts: for bricks where `server.ssl` is on, for the management server with
   * `managementTls`, and for the clients of `connect`. Clients must show a certificate of the same authority.
   */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** The management server takes TLS connections only (`gluster+tls://`); needs `tls`. Default false. */
  readonly managementTls?: boolean;
  /** A pino-like logger for the servers, those in workers too; silent by default. */
  readonly logger?: Logger;
}

/** What a brick does to calls, beside answering them. */
export interface FaultRule {
  /** Fops that the rule is about; absent: all. */
  readonly fop?: FopName | readonly FopName[];
  /** Acts on the nth such call from now (1, the default, is the next), and on `times` calls from there. */
  readonly nth?: number;
  /** On how many calls it acts at most: default 1, with `probability` Infinity (for good). */
  readonly times?: number;
  /** Instead of `nth`: acts on each call with this probability (0 to 1), by the cluster's seed. */
  readonly probability?: number;
  /**
   * `fail`: answered with `errno`, not executed. `fail-after`: executed, then answered with `errno`. `delay`: held for
   * `milliseconds` before it is executed. `drop`: executed, and the connection is cut instead of an answer.
   * `truncate`: executed, half of the answer is sent, then the connection is cut. `hang`: executed, and never answered.
   */
  readonly action: 'fail' | 'fail-after' | 'delay' | 'drop' | 'truncate' | 'hang';
  /** What `fail` and `fail-after` answer; default EIO. */
  readonly errno?: ErrnoCode;
  /** How long `delay` holds a call; needed there. */
  readonly milliseconds?: number;
}

/** One brick of a volume, to give orders to. */
export interface TestBrick {
  /** 0, 1, … in the order of the volume. */
  readonly index: number;
  /** Absolute path of what it keeps, in the format of a GlusterFS brick; clients attach to it by this name. */
  readonly directory: string;
  /** TCP port, the same from one start to the next. */
  readonly port: number;
  /** `down` also where its process has ended by itself. */
  readonly state: 'up' | 'frozen' | 'down';
  /** Ends it at once, as SIGKILL does a glusterfsd: connections break, locks and fds are gone, data stay. Idempotent. */
  kill(): Promise<void>;
  /**
   * Starts it again, on the same port; one that runs is killed first.
   * @throws GlfsError EADDRINUSE where another program has taken the port, and what the host says of its directory; it is
   *   down then.
   */
  restart(): Promise<void>;
  /**
   * Takes nothing in and sends nothing out, for so many milliseconds or until `thaw`; connections stay.
   * @throws GlfsError ENOTCONN where it is down.
   */
  freeze(milliseconds?: number): Promise<void>;
  /** Ends `freeze`: what has come in meanwhile is answered. Does nothing to a brick that is not frozen. */
  thaw(): Promise<void>;
  /**
   * Adds a rule; what it returns takes it away again and tells how often it acted. Rules end with the brick.
   * @throws GlfsError EINVAL for a rule that is none (an unknown key, fop or errno, a number out of range), ENOTCONN where
   *   the brick is down.
   */
  fault(rule: FaultRule): Promise<ActiveFault>;
  /** Takes all rules away; `fill` stays. */
  clearFaults(): Promise<void>;
  /** Every call that needs space fails with ENOSPC from now on, until `fill(false)`; a restart changes nothing in that. */
  fill(full?: boolean): Promise<void>;
  /** Cuts all connections of clients, and calls that are under way on them; they may come back. Nothing where it is down. */
  disconnectClients(): Promise<void>;
  /**
   * Calls answered since the start, by fop, whatever the answer; fops without a call are absent.
   * @throws GlfsError ENOTCONN where it is down.
   */
  counts(): Promise<Readonly<Partial<Record<FopName, number>>>>;
}

/** A rule that was ordered of a brick. */
export interface ActiveFault {
  /** Takes the rule away. Idempotent, and nothing where it ended with its brick. */
  remove(): Promise<void>;
  /**
   * On how many calls it has acted; known after `remove` too.
   * @throws GlfsError ENOTCONN where the brick is down or was restarted since.
   */
  acted(): Promise<number>;
}

/** A set of volumes served over TCP on the loopback: a management server and bricks. */
export interface Cluster {
  /** Address that all of it listens on. */
  readonly host: string;
  /** TCP port of the management server. */
  readonly port: number;
  /** Absolute path of what it keeps: for each volume a directory, with one for each brick in it. */
  readonly directory: string;
  /** `gluster://host:port/volume`; `gluster+tls://` with `managementTls`. @throws GlfsError ENOENT: no such volume */
  url(volume: string): string;
  /** In the order of the volume. @throws GlfsError ENOENT: no such volume */
  bricks(volume: string): readonly TestBrick[];
  /**
   * `connect` of glfs, with the certificates of the cluster where it has any.
   * @throws GlfsError ENOENT: no such volume; what `connect` throws.
   */
  connect(volume: string, options?: VolumeOptions): Promise<Volume>;
  /**
   * As `gluster volume set`: changes the volfiles and tells all clients. Bricks whose own volfile changes are restarted.
   * @throws GlfsError EINVAL for options that the cluster does not have, or values that are none; nothing has changed then.
   *   ENOENT: no such volume. ENOTCONN: the cluster is stopped. What `restart` of a brick throws.
   */
  set(volume: string, options: Readonly<Record<string, string>>): Promise<void>;
  /** The client volfile in force. @throws GlfsError ENOENT: no such volume */
  volfile(volume: string): string;
  /**
   * Ends everything: calls that are under way get no answer, connections break, a temporary directory is removed. Idempotent.
   * @throws what the host says of a temporary directory that can't be removed; everything has ended by then.
   */
  stop(): Promise<void>;
  /** `stop`. */
  [Symbol.asyncDispose](): Promise<void>;
}

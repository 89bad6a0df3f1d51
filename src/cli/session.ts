import type { CallOptions } from '../api/types.ts';
import type { Volume } from '../api/volume.ts';
import { type Logger, silent } from '../logger.ts';
import { Interrupted } from './errors.ts';
import { type Location, locate } from './locate.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';
import type { Report } from './report.ts';
import type { TranslatorOptions, Volumes } from './volumes.ts';

export interface SessionSetup {
  readonly out: Output;
  readonly report: Report;
  readonly volumes: Volumes;
  readonly progress: Progress;
  /** For whatever is not connected to, but served; silent by default. */
  readonly logger?: Logger;
  /** Aborted by SIGINT, SIGTERM, and when nobody reads our output any more; its reason is an Interrupted. */
  readonly signal: AbortSignal;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Permissions that new files don't get. */
  readonly umask: number;
  /** Milliseconds that one call may take; without it, as long as the volume's own timeouts let it. */
  readonly timeout?: number;
}

/** A located file and the volume that it is in. */
export interface Opened {
  readonly location: Location;
  readonly volume: Volume;
}

/** What a command works with: one run of `glfs`. */
export class Session {
  readonly out: Output;
  readonly report: Report;
  readonly volumes: Volumes;
  readonly progress: Progress;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly umask: number;
  /** For every call on a volume. */
  readonly calls: CallOptions;

  constructor(setup: SessionSetup) {
    this.out = setup.out;
    this.report = setup.report;
    this.volumes = setup.volumes;
    this.progress = setup.progress;
    this.logger = setup.logger ?? silent;
    this.signal = setup.signal;
    this.stdin = setup.stdin;
    this.umask = setup.umask;
    this.calls = setup.timeout === undefined ? {} : { timeout: setup.timeout };
  }

  /** @throws UsageError for what is no volume URL; GlfsError where the volume can't be reached */
  async open(url: string): Promise<Opened> {
    return this.openAt(locate(url));
  }

  async openAt(location: Location, wishes?: TranslatorOptions): Promise<Opened> {
    this.check();
    return this.volumes.open(location, wishes);
  }

  /** To be called between the steps of whatever takes long. @throws Interrupted */
  check(): void {
    if (!this.signal.aborted) return;
    throw this.signal.reason instanceof Interrupted ? this.signal.reason : new Interrupted();
  }
}

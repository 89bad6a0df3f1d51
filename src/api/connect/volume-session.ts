import pRetry from 'p-retry';
import { GlfsError, isGlfsError, toGlfsError } from '../../errors.ts';
import {
  type ConnectionDefaults,
  type Fd,
  type FopTable,
  type GraphEvent,
  type Inode,
  InodeTable,
  type OptionOverride,
  RangeOrder,
} from '../../graph/index.ts';
import type { Logger } from '../../logger.ts';
import { type Gfid, gfidFromString } from '../../protocol/gfid.ts';
import type { BorrowedGraph, Mount } from '../mount.ts';
import { RunningGraph } from './running-graph.ts';
import type { VolfileSource } from './volfile-source.ts';

const FIRST_DELAY = 250;
const LONGEST_DELAY = 3_000;

export interface SessionSetup {
  readonly volume: string;
  readonly logger: Logger;
  readonly connection: ConnectionDefaults;
  readonly overrides: readonly OptionOverride[];
  readonly inodeLimit?: number;
  readonly entryTimeout?: number;
  /** Absent where the caller gave the volfile. */
  readonly source?: VolfileSource;
}

/**
 * A connected volume: the graph in force, exchanged as a whole when the volfile changes. Brick connections, with the fds
 * and locks on them, belong to no graph and stay; files, inodes and the order of calls outlive graphs too.
 */
export class VolumeSession implements Mount {
  readonly openFds = new Set<Fd>();
  readonly logger: Logger;
  readonly inodes: InodeTable;
  private readonly order = new RangeOrder();
  private readonly listeners = new Set<(event: GraphEvent) => void>();
  private running: RunningGraph | undefined;
  private switching: Promise<void> = Promise.resolve();
  private wanted: string | undefined;
  private readonly retiring = new Set<Promise<void>>();
  private readonly ending = new AbortController();

  constructor(private readonly setup: SessionSetup) {
    this.logger = setup.logger;
    this.inodes = new InodeTable({ limit: setup.inodeLimit, dentryTtl: setup.entryTimeout });
  }

  get root(): Inode {
    return this.inodes.root;
  }

  get fops(): FopTable {
    if (this.running === undefined) throw new GlfsError('ENOTCONN', 'the volume is closed');
    return this.running.fops;
  }

  borrow(): BorrowedGraph {
    if (this.running === undefined) throw new GlfsError('ENOTCONN', 'the volume is closed');
    return { translators: this.running.graph.translators, release: this.running.hold() };
  }

  volfile(): string {
    return this.running?.text ?? '';
  }

  /**
   * Builds the first graph and waits until it can serve.
   * @throws GlfsError ENOTCONN where no brick can be reached, EACCES where they refuse the login.
   */
  async start(text: string, signal?: AbortSignal): Promise<void> {
    this.wanted = text;
    try {
      this.running = await this.startGraph(text, signal);
    } catch (error) {
      throw telling(error, this.setup.connection.subdirectory !== undefined);
    }
  }

  private async startGraph(text: string, signal?: AbortSignal): Promise<RunningGraph> {
    const next = RunningGraph.build({
      text,
      source: `volfile of ${this.setup.volume}`,
      environment: {
        logger: this.logger,
        volume: this.setup.volume,
        connection: this.setup.connection,
        scope: JSON.stringify(this.setup.overrides),
      },
      overrides: this.setup.overrides,
      order: this.order,
    });
    next.graph.listen((event) => this.onEvent(next, event));
    try {
      await next.graph.start(signal);
      return next;
    } catch (error) {
      await next.close();
      throw error;
    }
  }

  /** The volfile is, or may be, another one. Switches run one after the other; the latest text wins. */
  changeTo(text: string): void {
    if (this.ending.signal.aborted || text === this.wanted) return;
    this.wanted = text;
    this.switching = this.switching
      .then(() => this.switchTo(text))
      .catch((error: unknown) => {
        if (this.ending.signal.aborted) return;
        this.logger.error(
          { err: toGlfsError(error) },
          'the changed volfile can not be used; the old graph stays',
        );
      });
  }

  private async switchTo(text: string): Promise<void> {
    if (text !== this.wanted || this.ending.signal.aborted) return;
    const { signal } = this.ending;
    // Bricks that are down now come back; until then the old graph is as good as it was.
    const next = await pRetry(() => this.startGraph(text, signal), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: FIRST_DELAY,
      maxTimeout: LONGEST_DELAY,
      randomize: true,
      unref: true,
      signal,
      shouldRetry: ({ error }) => isGlfsError(error, 'ENOTCONN') && text === this.wanted,
    });
    const old = this.running;
    if (this.ending.signal.aborted || old === undefined) return next.close();
    this.running = next;
    this.forget(old);
    this.logger.info({ volume: this.setup.volume }, 'switched to the graph of the changed volfile');
    const retired = this.retire(old);
    this.retiring.add(retired);
    void retired.finally(() => this.retiring.delete(retired));
  }

  /** What the old graph's translators knew; the new ones find it out again at first use. */
  private forget(old: RunningGraph): void {
    this.inodes.forgetAll(old.owners);
    for (const fd of this.openFds) {
      fd.forgetAll(old.owners);
      fd.inode.forgetAll(old.owners);
    }
  }

  /** A graph goes when the last call in it has been answered: blocking locks may take long. */
  private async retire(old: RunningGraph): Promise<void> {
    await Promise.race([old.drained(), this.ended()]);
    this.forget(old);
    await old.close();
  }

  private ended(): Promise<void> {
    const { signal } = this.ending;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  private onEvent(from: RunningGraph, event: GraphEvent): void {
    // While the next graph starts, both hear what their shared bricks say.
    if (this.running !== undefined && from !== this.running) return;
    this.inodes.onEvent(event);
    for (const listener of [...this.listeners]) listener(event);
  }

  listen(listener: (event: GraphEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  dump(): Record<string, unknown> {
    return this.running?.graph.dump() ?? {};
  }

  /** UUID of the volume, from the management server, or from a brick where the volfile was given by hand. */
  async volumeId(): Promise<Gfid> {
    const { source, connection } = this.setup;
    if (source !== undefined) return source.volumeId();
    if (connection.volumeId !== undefined) return gfidFromString(connection.volumeId);
    for (const state of Object.values(this.dump())) {
      const { volumeId } = state as { volumeId?: string };
      if (volumeId !== undefined) return gfidFromString(volumeId);
    }
    throw new GlfsError('ENOTCONN', 'no brick is connected that could tell the volume id');
  }

  async close(): Promise<void> {
    if (this.ending.signal.aborted) return;
    this.setup.source?.close();
    this.ending.abort();
    await this.switching;
    const running = this.running;
    this.running = undefined;
    await running?.close();
    await Promise.all(this.retiring);
    this.listeners.clear();
  }
}

/** What translators say of their subvolumes, with the reason that a brick gave. A refused login is EACCES, a subdirectory that isn't there ENOENT. */
function telling(error: unknown, subdirectory: boolean): unknown {
  let root = error;
  const reasons: string[] = [];
  for (;;) {
    // A translator may have told what those below it said.
    if (root instanceof GlfsError && !reasons.at(-1)?.includes(root.reason)) reasons.push(root.reason);
    if (!(root instanceof GlfsError && root.cause instanceof GlfsError && root.brick === undefined)) break;
    root = root.cause;
  }
  if (!(error instanceof GlfsError) || !(root instanceof GlfsError) || root.brick === undefined) return error;
  const missing = subdirectory && isGlfsError(root.cause, 'ENOENT') ? 'ENOENT' : error.code;
  const code = isGlfsError(root.cause, 'EACCES') ? 'EACCES' : missing;
  return new GlfsError(code, reasons.join(': '), {
    brick: root.brick,
    translator: root.translator,
    cause: error,
  });
}

import { GlfsError } from '../errors.ts';
import { type CallContext, detached, type Fd } from '../graph/index.ts';
import type { Scope } from './scope.ts';

/**
 * An fd of the graph with everyone who uses it: the File or Directory that opened it, its duplicates, and the calls under
 * way. The last one to leave releases it, and never before all calls are answered: bricks give numbers of fds to others.
 */
export class OpenFile {
  private users = 1;
  private active = 0;
  /** Waits for locks that nobody wants any more, but which may still be granted. */
  private readonly abandoned = new Set<Promise<void>>();
  private whenIdle: (() => void)[] = [];

  constructor(
    readonly scope: Scope,
    readonly fd: Fd,
  ) {
    scope.mount.openFds.add(fd);
    fd.inode.pins++;
  }

  retain(): this {
    this.users++;
    return this;
  }

  /** Runs a call on the fd; the fd stays until it is done, even where its caller has stopped waiting. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.begin();
    try {
      return await work();
    } finally {
      this.end();
    }
  }

  begin(): void {
    this.active++;
  }

  end(): void {
    this.active--;
    if (this.whenIdle.length > 0) this.wakeIfIdle();
  }

  /** From now on the call under way that ends with `settled` doesn't hold up a close, only the release. */
  abandon(settled: Promise<unknown>): void {
    const done = settled.then(
      () => {},
      () => {},
    );
    this.abandoned.add(done);
    this.wakeIfIdle();
    done.then(() => this.abandoned.delete(done));
  }

  /**
   * One user leaves. `flush` brings what the fd wrote to its end and drops the locks of the context's owner.
   * @throws GlfsError of the flush; the fd is released all the same.
   */
  async leave(context: CallContext, flush: boolean): Promise<void> {
    const last = --this.users === 0;
    await this.idle();
    const quiet = detached(context);
    try {
      if (flush) await this.scope.mount.fops.flush({ fd: this.fd }, quiet);
    } finally {
      if (last) await this.releaseInTime(quiet);
    }
  }

  /** A lock that may still be granted keeps the release waiting, but not the caller. */
  private async releaseInTime(context: CallContext): Promise<void> {
    if (this.abandoned.size === 0) return this.release(context);
    void Promise.all(this.abandoned).then(() => this.release(context));
  }

  private async release(context: CallContext): Promise<void> {
    const { fops, openFds, logger } = this.scope.mount;
    const request = { fd: this.fd };
    this.fd.closed = true;
    try {
      await (this.fd.isDirectory ? fops.releasedir(request, context) : fops.release(request, context));
    } catch (error) {
      // Nothing is lost: the brick drops the fd when the connection is gone, if not now.
      logger.debug({ error, gfid: this.fd.inode.toString() }, 'release failed');
    } finally {
      openFds.delete(this.fd);
      this.fd.inode.pins--;
    }
  }

  private idle(): Promise<void> {
    if (this.active <= this.abandoned.size) return Promise.resolve();
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  private wakeIfIdle(): void {
    if (this.active > this.abandoned.size) return;
    const waiting = this.whenIdle;
    this.whenIdle = [];
    for (const wake of waiting) wake();
  }
}

/** @throws GlfsError EBADF */
export function closedError(): GlfsError {
  return new GlfsError('EBADF', 'the file is closed');
}

import { GlfsError } from '../errors.ts';

/** Milliseconds; 0 is never. */
export interface Timeouts {
  readonly pingTimeout: number;
  readonly frameTimeout: number;
}

export interface WatchdogOptions extends Timeouts {
  /** Calls that wait for an answer. */
  readonly waiting: () => number;
  /** Fails the calls that were made before `time`. */
  readonly expire: (time: number) => void;
  readonly ping?: (done: () => void) => void;
  readonly dead: (reason: GlfsError) => void;
}

/** Checks per ping timeout: the connection is found dead at most a quarter too late. */
const CHECKS = 4;
const MAX_INTERVAL = 10_000;

/**
 * Finds out that a server no longer answers (`network.ping-timeout`) and that a single call never will
 * (`network.frame-timeout`). It runs only while calls wait, and never keeps the process alive.
 */
export class Watchdog {
  private timer: NodeJS.Timeout | undefined;
  private lastSign = performance.now();
  private lastCheck = 0;
  private pinging = false;

  private timeouts: Timeouts;

  constructor(private readonly options: WatchdogOptions) {
    this.timeouts = options;
  }

  /** Other timeouts from now on. */
  tune(timeouts: Timeouts): void {
    this.timeouts = timeouts;
    this.stop();
    if (this.options.waiting() > 0) this.sent();
  }

  /** A byte arrived. */
  alive(): void {
    this.lastSign = performance.now();
  }

  /** A call was sent. */
  sent(): void {
    if (this.timer !== undefined) return;
    const { pingTimeout, frameTimeout } = this.timeouts;
    const shortest = Math.min(
      pingTimeout || Number.POSITIVE_INFINITY,
      frameTimeout || Number.POSITIVE_INFINITY,
    );
    if (shortest === Number.POSITIVE_INFINITY) return;
    this.lastSign = performance.now();
    this.lastCheck = this.lastSign;
    this.timer = setInterval(() => this.check(), Math.min(Math.max(shortest / CHECKS, 10), MAX_INTERVAL));
    this.timer.unref();
  }

  stop(): void {
    if (this.timer !== undefined) clearInterval(this.timer);
    this.timer = undefined;
  }

  private check(): void {
    const { waiting, expire, ping, dead } = this.options;
    const { pingTimeout, frameTimeout } = this.timeouts;
    const now = performance.now();
    const interval = now - this.lastCheck;
    this.lastCheck = now;
    if (waiting() === 0) {
      this.stop();
      return;
    }
    if (frameTimeout > 0) expire(now - frameTimeout);
    // `expire` may have ended the connection.
    if (pingTimeout === 0 || this.timer === undefined) return;
    // After a blocked event loop, or a suspended machine, the answers may lie unread in the socket: look again first.
    if (interval > pingTimeout) {
      this.lastSign = now;
      return;
    }
    if (now - this.lastSign >= pingTimeout) {
      dead(
        new GlfsError(
          'ETIMEDOUT',
          `no answer for ${Math.round((now - this.lastSign) / 100) / 10} s (ping-timeout)`,
        ),
      );
    } else if (!this.pinging && ping !== undefined && now - this.lastSign >= interval / 2) {
      this.pinging = true;
      ping(() => {
        this.pinging = false;
      });
    }
  }
}

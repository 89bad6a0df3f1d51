import type { GlfsError } from '../../../errors.ts';
import { type CallContext, throwIfEnded, whenEnded } from '../../../graph/index.ts';

/**
 * A call that waits for a lock to go. It ends once: granted, refused, or left by its caller (abort, deadline). One that has
 * ended is never granted: `leave` takes it out of its queue before the caller hears of it.
 */
export class Waiter {
  readonly promise: Promise<void>;
  private resolve!: () => void;
  private reject!: (error: GlfsError) => void;
  private readonly stop: () => void;

  /** @throws GlfsError ECANCELED, ETIMEDOUT where the caller has left already. */
  constructor(context: CallContext, leave: () => void) {
    throwIfEnded(context);
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.stop = whenEnded(context, (error) => {
      leave();
      this.reject(error);
    });
  }

  grant(): void {
    this.stop();
    this.resolve();
  }

  refuse(error: GlfsError): void {
    this.stop();
    this.reject(error);
  }
}

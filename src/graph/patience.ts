import { onAbort, untilDeadline } from '../abort.ts';
import { GlfsError } from '../errors.ts';
import { type CallContext, throwIfEnded } from './context.ts';

/**
 * Calls `listener` once when the caller's wait ends: ECANCELED at its abort, ETIMEDOUT at its deadline. Returns what stops
 * the watch. A context that can't end costs nothing.
 */
export function whenEnded(context: CallContext, listener: (error: GlfsError) => void): () => void {
  const { signal, deadline } = context;
  if (signal === undefined && deadline === undefined) return nothing;
  let timer: NodeJS.Timeout | undefined;
  let unwatch = nothing;
  const stop = (): void => {
    unwatch();
    clearTimeout(timer);
  };
  const end = (error: GlfsError): void => {
    stop();
    listener(error);
  };
  if (signal !== undefined) {
    unwatch = onAbort(signal, () =>
      end(new GlfsError('ECANCELED', 'the call was aborted', { cause: signal.reason })),
    );
  }
  if (deadline !== undefined) {
    timer = setTimeout(
      () => end(new GlfsError('ETIMEDOUT', 'the deadline of the call has passed')),
      untilDeadline(deadline),
    );
  }
  return stop;
}

const nothing = (): void => {};

/** Waits for `milliseconds`, or until the caller's wait ends. @throws GlfsError ECANCELED, ETIMEDOUT. */
export async function sleep(milliseconds: number, context: CallContext): Promise<void> {
  throwIfEnded(context);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      resolve();
    }, milliseconds);
    const stop = whenEnded(context, (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

/** What `promise` brings, unless the caller's wait ends before. @throws GlfsError ECANCELED, ETIMEDOUT; what the promise throws. */
export function whileWaiting<T>(promise: Promise<T>, context: CallContext): Promise<T> {
  if (context.signal === undefined && context.deadline === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    // A signal that has aborted already tells nobody any more.
    throwIfEnded(context);
    const stop = whenEnded(context, reject);
    promise.then(resolve, reject).finally(stop);
  });
}

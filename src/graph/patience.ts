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
  const stop = (): void => {
    signal?.removeEventListener('abort', aborted);
    clearTimeout(timer);
  };
  const end = (error: GlfsError): void => {
    stop();
    listener(error);
  };
  const aborted = (): void =>
    end(new GlfsError('ECANCELED', 'the call was aborted', { cause: signal?.reason }));
  signal?.addEventListener('abort', aborted, { once: true });
  if (deadline !== undefined) {
    // setTimeout holds 31 bits of milliseconds; who waits longer than 24 days is not missed.
    const wait = Math.min(Math.max(deadline - performance.now(), 0), 0x7fffffff);
    timer = setTimeout(
      () => end(new GlfsError('ETIMEDOUT', 'the deadline of the call has passed')),
      Math.ceil(wait),
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

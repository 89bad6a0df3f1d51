interface Hub {
  readonly listeners: Set<() => void>;
  readonly tell: () => void;
}

const hubs = new WeakMap<AbortSignal, Hub>();

/**
 * Calls `listener` once when `signal` aborts; returns what stops that. The signal itself gets one listener however many
 * calls wait for it: a thousand reads under one signal are no leak, and none of them searches a list when it ends.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  let hub = hubs.get(signal);
  if (hub === undefined) {
    const listeners = new Set<() => void>();
    const tell = (): void => {
      hubs.delete(signal);
      for (const each of [...listeners]) if (listeners.delete(each)) each();
    };
    hub = { listeners, tell };
    hubs.set(signal, hub);
    signal.addEventListener('abort', tell, { once: true });
  }
  const { listeners, tell } = hub;
  listeners.add(listener);
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    // A signal of AbortSignal.any() or timeout() lives as long as it has listeners.
    if (hubs.get(signal)?.listeners === listeners) hubs.delete(signal);
    signal.removeEventListener('abort', tell);
  };
}

/** setTimeout holds 31 bits of milliseconds and fires at once beyond. */
const LONGEST_TIMER = 0x7fff_ffff;

/** Milliseconds for setTimeout until `deadline` (of performance.now()); who waits longer than 24 days waits 24 days. */
export function untilDeadline(deadline: number): number {
  return Math.min(Math.max(0, Math.ceil(deadline - performance.now())), LONGEST_TIMER);
}

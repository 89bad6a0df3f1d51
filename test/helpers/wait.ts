import { setTimeout as sleep } from 'node:timers/promises';

/** How a wait is bounded and named. Times in milliseconds. */
export interface WaitOptions {
  /** What is awaited; stands in the error when it does not come. */
  what: string;
  /** Give up after this long (default 20 s). */
  timeoutMs?: number;
  /** Pause between two looks (default 20 ms). */
  everyMs?: number;
}

type Falsy = false | 0 | '' | null | undefined;

/**
 * Calls `look` until it returns something truthy and returns that. A look that throws counts as "not yet";
 * its last error becomes the `cause` of the timeout. Tests wait for conditions with this, never for seconds.
 */
export async function waitUntil<T>(
  look: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, Falsy>> {
  const { what, timeoutMs = 20_000, everyMs = 20 } = options;
  const end = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen as Exclude<T, Falsy>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: last });
    await sleep(everyMs);
  }
}

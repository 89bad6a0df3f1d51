/** A time since the epoch. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Milliseconds by which the two clocks may differ before the wall clock is believed to have been set. */
const STEP = 2;

/**
 * The wall clock with the resolution of the monotonic one: Date.now() alone gives two writes of one millisecond the same
 * time, and bricks take over newer times only. Follows the wall clock when that is set.
 */
export function wallClock(
  wall: () => number = Date.now,
  monotonic: () => number = () => performance.now(),
): () => Time {
  let origin = wall() - monotonic();
  return () => {
    const coarse = wall();
    let now = origin + monotonic();
    if (Math.abs(now - coarse) > STEP) {
      origin += coarse - now;
      now = coarse;
    }
    const seconds = Math.floor(now / 1000);
    return { seconds, nanoseconds: Math.floor((now - seconds * 1000) * 1e6) };
  };
}

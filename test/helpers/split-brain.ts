import { noticed } from './replicate-story/both.ts';

/** A replica set of two whose bricks die and come back, and the clients that use it. */
export interface TornSet {
  kill(index: number): Promise<void>;
  restart(index: number): Promise<void>;
  /** For each client which bricks it takes for up. */
  readonly views: readonly (() => boolean[])[];
}

/** Does one thing while only the first copy is there, and the other while only the second is. */
export async function tearApart(
  set: TornSet,
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
): Promise<void> {
  await set.kill(1);
  await noticed([true, false], ...set.views);
  await first();
  await set.kill(0);
  await set.restart(1);
  await noticed([false, true], ...set.views);
  await second();
  await set.restart(0);
  await noticed([true, true], ...set.views);
}

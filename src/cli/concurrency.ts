/**
 * A number of things that may be under way at once. `start` waits for room, not for the end of the work; the first failure
 * is thrown by the next `start` or by `settle`, after what was under way has ended.
 */
export class Lanes {
  private readonly underway = new Set<Promise<void>>();
  private failure: { error: unknown } | undefined;

  constructor(private readonly size: number) {}

  async start(work: () => Promise<void>): Promise<void> {
    while (this.underway.size >= this.size) await Promise.race(this.underway);
    if (this.failure !== undefined) return this.settle();
    const running = work()
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .finally(() => this.underway.delete(running));
    this.underway.add(running);
  }

  async settle(): Promise<void> {
    await Promise.all(this.underway);
    if (this.failure !== undefined) throw this.failure.error;
  }
}

/** Runs `work` for all items in order, `parallel` at once; the results are in the order of the items. */
export async function mapInParallel<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const lanes = new Lanes(parallel);
  for (const [index, item] of items.entries()) {
    await lanes.start(async () => {
      results[index] = await work(item);
    });
  }
  await lanes.settle();
  return results;
}

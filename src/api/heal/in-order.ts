/**
 * Results of `work` in the order of its items, a number of them under way at once. Who stops early, or is stopped by an error,
 * goes on when all that was begun has ended.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  parallel: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const underway: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const running = work(item);
      // Its turn comes later; nobody may be listening when it fails.
      running.catch(() => {});
      underway.push(running);
      if (underway.length >= parallel) yield await underway.shift()!;
    }
    while (underway.length > 0) yield await underway.shift()!;
  } finally {
    await Promise.allSettled(underway);
  }
}

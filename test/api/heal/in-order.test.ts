import { expect, test } from 'vitest';
import { inOrder } from '../../../src/api/heal/in-order.ts';

/** Work that ends when it is told to, and how much of it was under way at once. */
class Work {
  most = 0;
  private underway = 0;
  private readonly ends: (() => void)[] = [];

  run = async (item: number): Promise<number> => {
    this.most = Math.max(this.most, ++this.underway);
    await new Promise<void>((resolve) => this.ends.push(resolve));
    this.underway--;
    if (item < 0) throw new Error(`bad ${item}`);
    return item;
  };

  get idle(): boolean {
    return this.underway === 0;
  }

  /** The last one begun ends first. */
  endLast(): void {
    this.ends.pop()?.();
  }

  endFirst(): void {
    this.ends.shift()?.();
  }
}

async function driven<T>(work: Work, result: Promise<T>): Promise<T> {
  const timer = setInterval(() => work.endLast(), 0);
  try {
    return await result;
  } finally {
    clearInterval(timer);
  }
}

async function all(results: AsyncIterable<number>): Promise<number[]> {
  const found: number[] = [];
  for await (const result of results) found.push(result);
  return found;
}

test('results come in order, whoever is done first, and no more than allowed is under way', async () => {
  const work = new Work();
  const items = Array.from({ length: 10 }, (_, index) => index);
  expect(await driven(work, all(inOrder(items, 3, work.run)))).toEqual(items);
  expect(work.most).toBe(3);
});

test('a failure is thrown in its turn, when all that was begun has ended', async () => {
  const work = new Work();
  await expect(driven(work, all(inOrder([1, -2, 3, 4], 3, work.run)))).rejects.toThrow('bad -2');
  expect(work.idle).toBe(true);
});

test('who leaves waits for what was begun', async () => {
  const work = new Work();
  const results = inOrder([1, 2, 3, 4], 2, work.run);
  const first = results.next();
  await expect.poll(() => work.most).toBe(2);
  work.endFirst();
  expect((await first).value).toBe(1);
  expect(work.idle).toBe(false);
  await driven(work, results.return());
  expect(work.idle).toBe(true);
});

/*
 * `connect-cycles.ts URL COUNT`, with --expose-gc: connects and closes so many times and prints one JSON line. The process must
 * end by itself: nothing here ends it.
 */
import { connect, sharedResources } from '../../src/index.ts';

const [url, count] = process.argv.slice(2) as [string, string];
const WARM_UP = 100;

async function cycle(): Promise<number> {
  const start = performance.now();
  const volume = await connect(url);
  const connected = performance.now();
  await volume.stat('/');
  const closing = performance.now();
  await volume.close();
  return connected - start + (performance.now() - closing);
}

/** What hangs on native handles goes in the turns after a collection. */
async function collect(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

for (let index = 0; index < WARM_UP; index++) await cycle();
await collect();
const before = process.memoryUsage.rss();
const times: number[] = [];
for (let index = 0; index < Number(count); index++) times.push(await cycle());
await collect();
times.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    collected: globalThis.gc !== undefined,
    growth: process.memoryUsage.rss() - before,
    shared: sharedResources(),
    median: times[times.length >> 1],
    p99: times[Math.floor(times.length * 0.99)],
  }),
);

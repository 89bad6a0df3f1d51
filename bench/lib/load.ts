/* Load by glfs, in a process of its own: `load.ts URL FILE SIZE SECONDS ACCESS BLOCK DEPTH` prints one JSON line. */
import { connect } from '../../dist/index.js';
import type { Measurement } from './cells.ts';

const [url, path, size, seconds, access, block, depth] = process.argv.slice(2) as [
  string,
  string,
  ...string[],
];
const blockSize = Number(block);
const blocks = Math.floor(Number(size) / blockSize);

const volume = await connect(url);
const file = await volume.open(path, 'r+');
const latencies: number[] = [];
/** One in so many operations is timed: enough for a median, too few to weigh. */
const SAMPLE = 8;

async function worker(until: number): Promise<number> {
  const buffer = Buffer.alloc(blockSize, 0x5a);
  let done = 0;
  for (let now = performance.now(); now < until; done++) {
    const offset = Math.floor(Math.random() * blocks) * blockSize;
    if (access === 'read') await file.pread(buffer, offset);
    else await file.pwrite(buffer, offset);
    if (done % SAMPLE !== 0) continue;
    const then = now;
    now = performance.now();
    if (done > 0) latencies.push((now - then) / SAMPLE);
  }
  return done;
}

async function load(milliseconds: number): Promise<number> {
  const until = performance.now() + milliseconds;
  const counts = await Promise.all(Array.from({ length: Number(depth) }, () => worker(until)));
  return counts.reduce((sum, count) => sum + count, 0);
}

await load(500);
latencies.length = 0;
const cpu = process.cpuUsage();
const start = performance.now();
const operations = await load(Number(seconds) * 1000);
const elapsed = performance.now() - start;
const used = process.cpuUsage(cpu);
latencies.sort((a, b) => a - b);
const result: Measurement = {
  rate: (operations / elapsed) * 1000,
  cpu: (used.user + used.system) / operations,
  median: (latencies[latencies.length >> 1] ?? 0) * 1000,
};
console.log(JSON.stringify(result));
await file.close();
await volume.close();

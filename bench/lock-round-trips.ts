/*
 * What a steady stream of writes to a replica costs beside the writes: lock and mark calls as the bricks count them
 * (`gluster volume profile`), for each write of glfs. `tsx bench/lock-round-trips.ts [--writes N] [--depth N] [--type 'replica 3']
 * [--bricks 3]` after `npm run build`. Needs root and glusterfs-server; starts a glusterd of its own.
 */
import { parseArgs } from 'node:util';
import { connect } from '../dist/index.js';
import { startPool } from '../test/helpers/pool.ts';

const { values } = parseArgs({
  options: {
    writes: { type: 'string', default: '20000' },
    depth: { type: 'string', default: '16' },
    bricks: { type: 'string', default: '3' },
    type: { type: 'string', default: 'replica 3' },
  },
});
const writes = Number(values.writes);
const block = 4096;
const watched = ['WRITE', 'FINODELK', 'INODELK', 'FXATTROP', 'XATTROP', 'FSYNC'] as const;

const pool = await startPool({ subnet: '127.1.31', count: 1 });
try {
  const volume = await pool.createVolume('rounds', { bricks: Number(values.bricks), type: values.type });
  await volume.cli('profile', volume.name, 'start');
  await using opened = await connect(`gluster://${pool.hosts[0]}/${volume.name}`);
  await using file = await opened.open('stream.dat', 'w+');
  const data = Buffer.alloc(block, 0x5a);
  let next = 0;
  const stream = async (until: number): Promise<void> => {
    while (next < until) await file.pwrite(data, (next++ % 4096) * block);
  };
  const load = (until: number): Promise<unknown> =>
    Promise.all(Array.from({ length: Number(values.depth) }, () => stream(until)));
  // The first writes take the lock: what is asked is what the stream costs from there.
  await load(64);
  await counts(volume);
  await load(64 + writes);
  const seen = await counts(volume);
  console.log(
    `${writes} writes of ${block} bytes, depth ${values.depth}, ${values.type}; calls at all bricks for each write:`,
  );
  for (const fop of watched) console.log(fop.padEnd(10), ((seen.get(fop) ?? 0) / writes).toFixed(4));
} finally {
  await pool.stop();
}

/** Calls of all bricks since this was asked for last. */
async function counts(volume: {
  cli(...args: string[]): Promise<string>;
  name: string;
}): Promise<Map<string, number>> {
  const text = await volume.cli('profile', volume.name, 'info', 'incremental');
  const sums = new Map<string, number>();
  for (const [, calls, fop] of text.matchAll(
    /^\s*[\d.]+\s+[\d.]+ (?:us|ns)\s+[\d.]+ (?:us|ns)\s+[\d.]+ (?:us|ns)\s+(\d+)\s+(\w+)/gm,
  ))
    sums.set(fop!, (sums.get(fop!) ?? 0) + Number(calls));
  return sums;
}

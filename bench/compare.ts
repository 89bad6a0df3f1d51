/*
 * glfs beside libgfapi (fio's gfapi and gfapi_async engines) on one volume, in alternating runs: ratios of medians.
 * `npm run bench -- [--rounds N] [--seconds N] [--cell write] [--bricks 3] [--type 'replica 3'] [--set performance.write-behind=off]`.
 * Needs root, glusterfs-server and fio; starts a glusterd of its own.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { connect } from '../dist/index.js';
import { startPool } from '../test/helpers/pool.ts';
import { type Cell, cellName, cells, type Measurement, medianOf } from './lib/cells.ts';
import { runFio } from './lib/fio.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    cell: { type: 'string' },
    bricks: { type: 'string', default: '2' },
    type: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const size = 256 << 20;
const path = 'bench.dat';
const run = promisify(execFile);

type Contender = 'glfs' | 'gfapi' | 'gfapi_async';
const contenders: readonly Contender[] = ['glfs', 'gfapi', 'gfapi_async'];

const pool = await startPool({ subnet: '127.1.30', count: 1 });
try {
  const options = Object.fromEntries(values.set.map((pair) => pair.split('=') as [string, string]));
  const volume = await pool.createVolume('bench', {
    bricks: Number(values.bricks),
    type: values.type,
    options,
  });
  const host = pool.hosts[0]!;
  const url = `gluster://${host}/${volume.name}`;
  await prepare(url);
  console.log(
    'cell'.padEnd(22),
    'glfs/s'.padStart(9),
    'gfapi/s'.padStart(9),
    'async/s'.padStart(9),
    'ratio'.padStart(7),
    'ratio'.padStart(7),
    '  µs CPU an operation, in the same order',
  );
  for (const cell of cells.filter(
    (candidate) => values.cell === undefined || cellName(candidate).includes(values.cell),
  )) {
    const results = new Map<Contender, Measurement[]>(contenders.map((contender) => [contender, []]));
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders)
        results.get(contender)!.push(await measure(contender, cell, url, host, volume.name));
    }
    report(cell, results);
  }
} finally {
  await pool.stop();
}

/** Every block is written once, so that reads don't meet holes. */
async function prepare(target: string): Promise<void> {
  await using opened = await connect(target);
  await using file = await opened.open(path, 'w+');
  const chunk = Buffer.alloc(1 << 20, 0xa5);
  for (let offset = 0; offset < size; offset += chunk.length) await file.pwrite(chunk, offset);
  await file.sync();
}

async function measure(
  contender: Contender,
  cell: Cell,
  target: string,
  host: string,
  volume: string,
): Promise<Measurement> {
  if (contender !== 'glfs')
    return runFio(cell, { engine: contender, host, volume, file: path, size, seconds });
  const script = fileURLToPath(new URL('lib/load.ts', import.meta.url));
  const parameters = [target, path, size, seconds, cell.access, cell.block, cell.depth].map(String);
  const { stdout } = await run(process.execPath, ['--import', 'tsx', script, ...parameters]);
  return JSON.parse(stdout) as Measurement;
}

function report(cell: Cell, results: ReadonlyMap<Contender, readonly Measurement[]>): void {
  const rate = (contender: Contender): number =>
    medianOf(results.get(contender)!.map((result) => result.rate));
  const cpu = (contender: Contender): string =>
    medianOf(results.get(contender)!.map((result) => result.cpu)).toFixed(1);
  const [ours, sync, asynchronous] = [rate('glfs'), rate('gfapi'), rate('gfapi_async')];
  console.log(
    cellName(cell).padEnd(22),
    Math.round(ours).toString().padStart(9),
    Math.round(sync).toString().padStart(9),
    Math.round(asynchronous).toString().padStart(9),
    (ours / sync).toFixed(2).padStart(7),
    (ours / asynchronous).toFixed(2).padStart(7),
    ` ${contenders.map(cpu).join(' / ')}`,
  );
}

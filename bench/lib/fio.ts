import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Cell, Measurement } from './cells.ts';

const run = promisify(execFile);

export interface FioJob {
  readonly engine: 'gfapi' | 'gfapi_async';
  readonly host: string;
  readonly volume: string;
  readonly file: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly seconds: number;
}

interface FioSide {
  iops: number;
  total_ios: number;
  clat_ns: { percentile?: Record<string, number> };
}

/**
 * Runs fio with one of its libgfapi engines; random access over the whole file. Closing the volume takes libgfapi about
 * ten seconds, which are not part of the figures. fio speaks to port 24007 only.
 */
export async function runFio(cell: Cell, job: FioJob): Promise<Measurement> {
  // libgfapi's own threads do most of the work: the CPU of the whole process counts, not fio's word on its job.
  const { stdout, stderr } = await run(
    'bash',
    [
      '-c',
      'TIMEFORMAT="CPU %U %S"; time fio "$@"',
      'fio',
      '--name=bench',
      `--ioengine=${job.engine}`,
      `--volume=${job.volume}`,
      `--brick=${job.host}`,
      `--filename=${job.file}`,
      `--rw=rand${cell.access}`,
      `--bs=${cell.block}`,
      `--iodepth=${cell.depth}`,
      `--size=${job.size}`,
      `--runtime=${job.seconds}`,
      '--time_based',
      '--norandommap',
      '--randrepeat=0',
      '--output-format=json',
    ],
    { maxBuffer: 64 << 20 },
  );
  const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
    jobs: { read: FioSide; write: FioSide }[];
  };
  const result = report.jobs[0]!;
  const side = result[cell.access];
  const [, user, system] = /^CPU ([\d.]+) ([\d.]+)$/m.exec(stderr) ?? [];
  const cpuSeconds = Number(user) + Number(system);
  return {
    rate: side.iops,
    cpu: (cpuSeconds / side.total_ios) * 1e6,
    median: (side.clat_ns.percentile?.['50.000000'] ?? 0) / 1000,
  };
}

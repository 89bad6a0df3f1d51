/**
 * What `npm test` runs: build, types and lint, then the tiers. As root on Debian it installs what the interop tier
 * needs; without root it leaves that tier out and says so. The last line printed is the sum of all tests.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installMissing } from './debian.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Runs a step in the foreground with its output as it comes; resolves to its exit code. */
function step(title: string, file: string, args: string[]): Promise<number> {
  console.log(`\n== ${title}`);
  const started = Date.now();
  return new Promise((done, fail) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', fail);
    child.once('exit', (code) => {
      console.log(
        `== ${title}: ${code === 0 ? 'ok' : `exit code ${code}`}, ${(Date.now() - started) / 1000} s`,
      );
      done(code ?? 1);
    });
  });
}

/** The parts of vitest's JSON report that are summed up. */
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numFailedTestSuites: number;
}

interface Sum {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs a vitest project; a run that breaks before its report counts as one failure. */
async function runTests(project: string, filters: string[], sum: Sum): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'glfs-report-'));
  const file = join(directory, 'report.json');
  try {
    const code = await step(`tests: ${project}`, process.execPath, [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      // With a filter one of the tiers may well have no file of that name.
      ...(filters.length ? ['--passWithNoTests', ...filters] : []),
    ]);
    if (!existsSync(file)) {
      sum.failed++;
      return;
    }
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    sum.passed += report.numPassedTests;
    sum.failed += report.numFailedTests;
    sum.skipped += report.numPendingTests + report.numTodoTests;
    // A file that could not be loaded, or an error outside of any test, fails the run without a failed test.
    if (code !== 0 && report.numFailedTests === 0) sum.failed++;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const filters = process.argv.slice(2);
  const isRoot = process.getuid?.() === 0;
  const sum: Sum = { passed: 0, failed: 0, skipped: 0 };
  const broken: string[] = [];
  const must = async (title: string, script: string) => {
    if ((await step(title, 'npm', ['run', '--silent', script])) === 0) return;
    sum.failed++;
    broken.push(title);
  };
  if (filters.length === 0) {
    // First, since bench/ is checked against what was built.
    await must('build', 'build');
    await must('types and lint', 'check');
  }
  if (isRoot) await installMissing((line) => console.log(`== ${line}`));
  // On a clean machine npm came before cmake and the compiler: the addon is made up for here.
  if (!existsSync(join(root, 'native/build/Release/glfs_native.node'))) await must('addon', 'build:native');
  // One after the other: on two cores the unit tests would take the bricks' time.
  await runTests('unit', filters, sum);
  if (filters.length === 0) await must('branches of the decoders', 'coverage:decoders');
  if (isRoot) await runTests('interop', filters, sum);
  else console.log('\n== without root: left out the interop tier (real glusterd, bricks and FUSE mounts)');
  if (broken.length) console.log(`\n== counted as failed: ${broken.join(', ')}`);
  console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  process.exitCode = sum.failed === 0 ? 0 : 1;
}

await main();

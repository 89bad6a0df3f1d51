/* What `npm start` runs: all the set-up that a fresh clone needs, then examples/quick-start.ts. Works without node_modules. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const lock = join(root, '.npm-start.lock');

let running;
let interrupted;
let installing = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // A terminal's ^C reaches what we run by itself, and npm takes back half an installation: that is waited for, once.
    if (interrupted !== undefined || running === undefined) process.exit(1);
    interrupted = signal;
    if (installing) console.log('npm takes back what it has done so far; once more ends at once');
    if (signal !== 'SIGINT') running.kill(signal);
  });
}

/** Runs in the foreground, or in silence; returns the exit code. A signal ends us as it would have without waiting. */
async function run(command, args, output = 'inherit') {
  running = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', output, output],
    shell: npm === 'npm.cmd' && command === npm,
  });
  const [status] = await once(running, 'close');
  running = undefined;
  if (interrupted !== undefined) {
    process.removeAllListeners(interrupted);
    process.kill(process.pid, interrupted);
    await pause(1000);
  }
  return status ?? 1;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Two installations at once in a clone would take each other's files away: the second waits. `wasHalf`: an earlier one did
 * not come to its end. In a clone that is not ours to write to there is nothing to wait for: it is complete, or nothing will do.
 */
async function takeTurn() {
  for (let wasHalf = false, told = false; ; ) {
    try {
      writeFileSync(lock, `${process.pid}\n`, { flag: 'wx' });
      return { wasHalf, leave: () => rmSync(lock, { force: true }) };
    } catch (error) {
      if (error.code !== 'EEXIST') return { wasHalf: false, leave: () => {} };
    }
    // Empty or gone while the other is at it.
    const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
    if (owner !== 0 && !isAlive(owner)) {
      wasHalf = true;
      rmSync(lock, { force: true });
      continue;
    }
    if (owner !== 0 && !told) console.log(`waiting for process ${owner}, which installs here (${lock})`);
    told ||= owner !== 0;
    await pause(100);
  }
}

async function setUp(wasHalf) {
  // npm writes node_modules/.package-lock.json when the packages are there: older than the lock file means outdated.
  const installed = join(root, 'node_modules/.package-lock.json');
  const outdated =
    wasHalf ||
    !existsSync(installed) ||
    statSync(installed).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs;
  if (outdated) {
    console.log('installing what glfs needs (once)');
    // npm ci refuses a lock file in which packages for other platforms are missing; npm install takes the locked versions all the same.
    installing = true;
    const status =
      (await run(npm, ['ci', '--no-audit', '--no-fund'], 'ignore')) &&
      (await run(npm, ['install', '--no-save', '--no-audit', '--no-fund']));
    installing = false;
    if (status !== 0) return status;
  }
  return run(process.execPath, [join(root, '.ci/prepare.mjs')]);
}

const { wasHalf, leave } = await takeTurn();
const ready = await setUp(wasHalf);
leave();
if (ready !== 0) process.exit(ready);
const example = join(root, 'examples/quick-start.ts');
process.exit(await run(process.execPath, ['--import', 'tsx', example, ...process.argv.slice(2)]));

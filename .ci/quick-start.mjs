/* What `npm start` runs: all the set-up that a fresh clone needs, then examples/quick-start.ts. Works without node_modules. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

/** Runs in the foreground, or in silence; returns whether it went well. */
function run(command, args, output) {
  return (
    spawnSync(command, args, { cwd: root, stdio: ['ignore', output, output], shell: npm === 'npm.cmd' })
      .status === 0
  );
}

// npm writes node_modules/.package-lock.json last: older than the lock file means outdated.
const installed = join(root, 'node_modules/.package-lock.json');
const outdated =
  !existsSync(installed) || statSync(installed).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs;
if (outdated) {
  console.log('installing what glfs needs (once)');
  // npm ci refuses a lock file in which packages for other platforms are missing; npm install takes the locked versions all the same.
  const done =
    run(npm, ['ci', '--no-audit', '--no-fund'], 'ignore') ||
    run(npm, ['install', '--no-save', '--no-audit', '--no-fund'], 'inherit');
  if (!done) process.exit(1);
}
const ready = run(process.execPath, [join(root, '.ci/prepare.mjs')], 'inherit');
if (!ready) process.exit(1);
const example = join(root, 'examples/quick-start.ts');
const { status } = spawnSync(process.execPath, ['--import', 'tsx', example, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);

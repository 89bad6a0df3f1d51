// Builds the addon when the package is installed. It never fails an installation: without the addon everything works
// through the TypeScript implementations, and one line says so.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const isWindows = process.platform === 'win32';

function onPath(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const endings = isWindows ? ['.exe', '.cmd', ''] : [''];
  return names.some((name) =>
    folders.some((folder) =>
      endings.some((ending) => {
        try {
          accessSync(join(folder, name + ending), constants.X_OK);
          return true;
        } catch {
          return false;
        }
      }),
    ),
  );
}

/** The cmake-js that is installed beside this package, or undefined where optional dependencies were left out. */
function cmakeJs() {
  try {
    const require = createRequire(import.meta.url);
    require.resolve('node-addon-api');
    return join(dirname(require.resolve('cmake-js/package.json')), 'bin/cmake-js');
  } catch {
    return undefined;
  }
}

/** Why the addon can't be built here, or undefined. */
function obstacle() {
  if (process.env.GLFS_NATIVE === 'off') return 'GLFS_NATIVE=off is set';
  if (cmakeJs() === undefined)
    return 'the optional dependencies cmake-js and node-addon-api are not installed';
  if (!onPath('cmake')) return 'cmake is not installed';
  // Visual Studio is found by cmake itself.
  if (isWindows) return undefined;
  if (!onPath('g++', 'clang++')) return 'no C++ compiler is installed';
  if (!onPath('make', 'ninja')) return 'neither make nor ninja is installed';
  return undefined;
}

/** Runs cmake-js; returns the last line that explains a failure, or undefined. */
function build() {
  const parallel = String(availableParallelism());
  // A tree that was configured elsewhere (a copied checkout, another version of Node) is not built upon.
  rmSync(join(here, 'build'), { recursive: true, force: true });
  const { status, error, stdout, stderr } = spawnSync(
    process.execPath,
    [cmakeJs(), 'build', '-d', here, '--log-level', 'error', '--parallel', parallel],
    { cwd: here, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  if (status === 0) return undefined;
  if (process.env.GLFS_NATIVE === 'verbose') process.stderr.write(`${stdout}${stderr}`);
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => /error/i.test(line));
  return error?.message ?? lines[0]?.trim() ?? `cmake-js ended with ${status}`;
}

const reason = obstacle() ?? build();
if (reason !== undefined) {
  console.log(
    `glfs: the native addon is not built (${reason}); the TypeScript implementations are used instead`,
  );
}

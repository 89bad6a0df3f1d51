import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

let place: string;

function tool(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'glfs-install-'));
  mkdirSync(join(place, 'bin'));
  cpSync(join(root, 'native'), join(place, 'native'), {
    recursive: true,
    filter: (source) => !source.startsWith(join(root, 'native/build')),
  });
});

afterEach(() => rmSync(place, { recursive: true, force: true }));

/** Runs the install script of the copy with only what stands in `bin` on the path. */
async function install(environment: NodeJS.ProcessEnv = {}) {
  const { stdout, stderr } = await run(process.execPath, ['native/install.mjs'], {
    cwd: place,
    env: { PATH: join(place, 'bin'), HOME: place, ...environment },
  });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

function withDependencies(): void {
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
}

it('optional dependencies left out: one line, no failure', async () => {
  expect(await install()).toEqual([expect.stringContaining('node-addon-api are not installed')]);
});

it('no cmake: one line, no failure', async () => {
  withDependencies();
  expect(await install()).toEqual([expect.stringContaining('cmake is not installed')]);
});

it('no compiler: one line, no failure', async () => {
  withDependencies();
  writeFileSync(join(place, 'bin/cmake'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  expect(await install()).toEqual([expect.stringContaining('no C++ compiler is installed')]);
});

it('not wanted: one line', async () => {
  withDependencies();
  expect(await install({ GLFS_NATIVE: 'off' })).toEqual([expect.stringContaining('GLFS_NATIVE=off')]);
});

it.runIf(tool('cmake') && tool('make'))('a compiler that does not work: one line, no failure', async () => {
  withDependencies();
  for (const name of ['cmake', 'make', 'sh']) symlinkSync(tool(name)!, join(place, 'bin', name));
  for (const name of ['g++', 'c++']) {
    writeFileSync(join(place, 'bin', name), '#!/bin/sh\nexit 1\n');
    chmodSync(join(place, 'bin', name), 0o755);
  }
  expect(await install()).toEqual([expect.stringContaining('TypeScript implementations are used instead')]);
  expect(existsSync(join(place, 'native/build/Release/glfs_native.node'))).toBe(false);
});

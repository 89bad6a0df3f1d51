import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { neonCases } from './cases.ts';

/* The ARM kernels on any machine: compiled for ARM and run by an emulator, which takes about ten seconds. */

const run = promisify(execFile);
const native = resolve(import.meta.dirname, '../../../native');
const COMPILER = 'aarch64-linux-gnu-g++';
const EMULATOR = 'qemu-aarch64';
/** The files that an ARM build has, with the flags of native/CMakeLists.txt. */
const kernels: Readonly<Record<string, readonly string[]>> = {
  'gf8/gf8-neon.cc': [],
  'checksum/weak-neon.cc': [],
  'checksum/weak-scalar.cc': [],
  'checksum/crc32c-scalar.cc': [],
  'checksum/crc32c-armv8.cc': ['-march=armv8-a+crc'],
};

function onPath(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
}

// On Debian the packages g++-aarch64-linux-gnu and qemu-user; the tests of CI install them, others need them to be there.
const missing = [COMPILER, EMULATOR].filter((name) => !onPath(name));

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'glfs-neon-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

async function compile(source: string, flags: readonly string[]): Promise<string> {
  const object = join(place, `${basename(source)}.o`);
  const common = ['-std=c++17', '-O2', '-Wall', '-Wextra', `-I${native}`];
  await run(COMPILER, [...common, ...flags, '-c', source, '-o', object]);
  return object;
}

// The compiler for ARM and its emulator are optional packages: the test's name tells which is missing.
it.skipIf(missing.length > 0)(
  `the NEON kernels agree with TypeScript and with real volumes${missing.map((name) => `, needs ${name}`).join('')}`,
  { timeout: 120_000 },
  async () => {
    const sources = Object.entries(kernels).map(([file, flags]) => compile(join(native, file), flags));
    const objects = await Promise.all([...sources, compile(join(import.meta.dirname, 'run-cases.cc'), [])]);
    const program = join(place, 'run-cases');
    await run(COMPILER, ['-static', '-o', program, ...objects]);
    const { bytes, count } = neonCases();
    const cases = join(place, 'cases');
    writeFileSync(cases, bytes);
    const { stdout } = await run(EMULATOR, [program, cases]);
    expect(Number(stdout)).toBe(count);
    // It does notice: one bit of the last expected word.
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(cases, bytes);
    await expect(run(EMULATOR, [program, cases])).rejects.toMatchObject({
      code: 1,
      stderr: `case ${count - 1} differs\n`,
    });
  },
);

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nativeKernels } from '../../src/native.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Counts warnings, uses both checksums often, and prints what it found as JSON. */
const program = `
import { crc32c, weakChecksum } from './src/checksum/index.ts';
import { simdLevel } from './src/native.ts';
const warnings: string[] = [];
process.on('warning', (warning) => warnings.push(warning.message));
const data = new Uint8Array(4096).fill(90);
const sums: number[] = [];
for (let i = 0; i < 100; i++) sums.push(weakChecksum(data), crc32c(data));
const level = simdLevel();
setImmediate(() => console.log(JSON.stringify({ level, warnings, weak: [...new Set(sums)] })));
`;

let place: string;

/** Runs the program in a copy of the sources whose native/build is the package's own, or absent. */
async function choose(folder: string, simd?: string) {
  const { GLFS_SIMD: _, ...environment } = process.env;
  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'program.ts'], {
    cwd: join(place, folder),
    env: simd === undefined ? environment : { ...environment, GLFS_SIMD: simd },
  });
  return JSON.parse(stdout) as { level: string; warnings: string[]; weak: number[] };
}

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'glfs-native-'));
  for (const folder of ['with', 'without']) {
    mkdirSync(join(place, folder, 'native'), { recursive: true });
    cpSync(join(root, 'src/checksum'), join(place, folder, 'src/checksum'), { recursive: true });
    for (const file of ['addon.ts', 'native.ts'])
      cpSync(join(root, 'src', file), join(place, folder, 'src', file));
    writeFileSync(join(place, folder, 'package.json'), '{"type": "module"}');
    writeFileSync(join(place, folder, 'program.ts'), program);
    symlinkSync(join(root, 'node_modules'), join(place, folder, 'node_modules'));
  }
  symlinkSync(join(root, 'native/build'), join(place, 'with/native/build'));
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

const expected = [0x734ba04b];

it('without the addon: TypeScript, and one warning however often it is asked', async () => {
  const { level, warnings, weak } = await choose('without');
  expect(level).toBe('typescript');
  expect(warnings).toEqual(['the native addon is not there, TypeScript does its work (more slowly)']);
  expect(weak).toEqual(expect.arrayContaining(expected));
  expect(weak).toHaveLength(2);
});

it('without the addon, and wished so: no warning', async () => {
  expect(await choose('without', 'typescript')).toMatchObject({ level: 'typescript', warnings: [] });
});

describe.runIf(nativeKernels().size > 0)('with the addon', () => {
  const levels = [...nativeKernels().keys()];

  it('the best kernel is taken, silently', async () => {
    expect(await choose('with')).toMatchObject({ level: levels.at(-1), warnings: [] });
  });

  it.each([...levels, 'typescript'])('GLFS_SIMD=%s forces it', async (level) => {
    const chosen = await choose('with', level);
    expect(chosen).toMatchObject({ level, warnings: [] });
    expect(chosen.weak).toEqual(expect.arrayContaining(expected));
    expect(chosen.weak).toHaveLength(2);
  });

  it('a level that this CPU lacks: one warning, and the best', async () => {
    const { level, warnings } = await choose('with', 'mmx');
    expect(level).toBe(levels.at(-1));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('GLFS_SIMD=mmx');
  });
});

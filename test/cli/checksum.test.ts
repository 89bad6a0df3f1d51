import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { crc32cInTypescript, weakInTypescript } from '../../src/checksum/index.ts';
import { xxh64 } from '../../src/checksum/xxh64.ts';
import { parseChecksum, printChecksum } from '../../src/cli/checksum-lines.ts';
import { GlfsError } from '../../src/errors.ts';
import type { MemoryVolume } from '../helpers/memory-volume/volume.ts';
import { MemoryWorld } from './world.ts';

const URL = 'gluster://h/vol';
let world: MemoryWorld;
let memory: MemoryVolume;
let here: string;

beforeEach(() => {
  here = mkdtempSync(join(tmpdir(), 'glfs-sums-'));
  world = new MemoryWorld();
  memory = world.add('vol');
});
afterEach(() => rmSync(here, { recursive: true, force: true }));

const at = (...names: string[]) => join(here, ...names);
const put = (path: string, content: string | Uint8Array) => memory.volume().writeFile(path, content);

interface Printed {
  code: number;
  stdout: string;
  stderr: string;
}

/** What coreutils say, under our name. */
function coreutils(tool: string, argv: string[], input = ''): Promise<Printed> {
  return new Promise((done) => {
    const child = execFile(tool, argv, { env: { ...process.env, LC_ALL: 'C' } }, (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), stdout, stderr: stderr.replaceAll(`${tool}: `, 'glfs: ') }),
    );
    // A tool that reads no input may have ended before it is written.
    child.stdin!.on('error', () => {}).end(input);
  });
}

async function same(tool: string, argv: string[], options: string[] = [], input = ''): Promise<Printed> {
  const { code, stdout, stderr } = await world.glfs(['checksum', ...options, ...argv], { input });
  const expected = await coreutils(tool, argv, input);
  expect({ code, stdout, stderr }).toEqual(expected);
  return expected;
}

/** More than one piece of a transfer, and no multiple of anything. */
const long = Buffer.from(Array.from({ length: 2 ** 21 + 12_345 }, (_, index) => (index * 31) >> 3));

describe('printing', () => {
  test.each(['md5', 'sha1', 'sha256', 'sha512'])(
    '%s of local files is as the tool of that name prints it',
    async (name) => {
      writeFileSync(at('a'), 'abc');
      writeFileSync(at('empty'), '');
      writeFileSync(at('li\nne\\s\r'), 'x');
      writeFileSync(at('long'), long);
      const files = ['a', 'empty', 'li\nne\\s\r', 'long', 'none', '.'].map((file) => at(file));
      const { code } = await same(`${name}sum`, files, ['-a', name]);
      expect(code).toBe(1);
    },
  );

  test('without a file, and for -, it is of standard input', async () => {
    await same('sha256sum', [], [], 'from a pipe');
    await same('sha256sum', ['-'], [], 'from a pipe');
  });

  test.each([
    ['crc32c', '123456789', 'e3069283'],
    ['weak', '123456789', '091501dd'],
    ['xxh64', 'abc', '44bc2cf5ad770999'],
    ['xxh64', '', 'ef46db3751d8e999'],
  ])('%s of %j is as published', async (name, content, expected) => {
    await put('/f', content);
    const { stdout } = await world.glfs(['checksum', '-a', name, `${URL}/f`]);
    if (name === 'weak')
      expect(expected).toBe(weakInTypescript(Buffer.from(content), 0).toString(16).padStart(8, '0'));
    expect(stdout).toBe(`${expected}  ${URL}/f\n`);
  });

  test('a long file in a volume has the checksum of its bytes in one', async () => {
    await put('/long', long);
    for (const [name, expected] of [
      ['crc32c', crc32cInTypescript(long, 0).toString(16).padStart(8, '0')],
      ['weak', weakInTypescript(long, 0).toString(16).padStart(8, '0')],
      ['xxh64', xxh64(long).toString(16).padStart(16, '0')],
    ] as const)
      expect((await world.glfs(['checksum', '--algorithm', name, `${URL}/long`])).stdout).toBe(
        `${expected}  ${URL}/long\n`,
      );
  });

  test('--json gives records', async () => {
    await put('/f', 'abc');
    const { stdout } = await world.glfs(['--json', 'checksum', '-a', 'crc32c', `${URL}/f`]);
    expect(JSON.parse(stdout)).toEqual([{ file: `${URL}/f`, algorithm: 'crc32c', checksum: '364b3fb7' }]);
  });

  test('a read that fails half way is told with its reason, and no checksum is printed', async () => {
    await put('/long', long);
    await put('/short', 'x');
    memory.before = ({ fop, request }) => {
      if (fop === 'read' && (request as { offset: number }).offset >= 2 ** 20)
        throw new GlfsError('EIO', undefined, { brick: 'h:/b' });
    };
    const { code, stdout, stderr } = await world.glfs(['checksum', `${URL}/long`, `${URL}/short`]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^[0-9a-f]{64} {2}gluster:\/\/h\/vol\/short\n$/);
    expect(stderr).toBe(`glfs: ${URL}/long: Input/output error (on h:/b)\n`);
  });
});

describe('--check', () => {
  const sums = async (...names: string[]) =>
    (
      await coreutils(
        'sha256sum',
        names.map((name) => at(name)),
      )
    ).stdout;

  test('messages and exit codes are those of sha256sum', async () => {
    for (const name of ['a', 'b', 'li\nne\\s', 'gone', 'more']) writeFileSync(at(name), name);
    writeFileSync(at('all'), await sums('a', 'b', 'li\nne\\s'));
    expect((await same('sha256sum', ['-c', at('all')])).code).toBe(0);

    writeFileSync(
      at('list'),
      `# note\n\n${await sums('a', 'li\nne\\s', 'gone', 'more')}garbage\nabc  short\n`,
    );
    rmSync(at('gone'));
    writeFileSync(at('a'), 'changed');
    const { stdout } = await same('sha256sum', ['-c', at('list')]);
    expect(stdout).toContain('/a: FAILED\n');
    expect(stdout).toContain('/gone: FAILED open or read\n');
    await same('sha256sum', ['--ignore-missing', '-c', at('list')]);
    await same('sha256sum', ['--status', '-c', at('all')]);
    await same('sha256sum', ['-c', at('none')]);
    await same('sha256sum', ['-c', at('b')]);
    await same('sha256sum', ['-c'], [], await sums('b'));
    await same(
      'sha256sum',
      ['-c'],
      [],
      (await sums('b', 'more')).replace('  ', ' *').replaceAll('\n', '\r\n'),
    );
  });

  test('where every file is missing, nothing was verified', async () => {
    writeFileSync(at('gone'), '');
    writeFileSync(at('list'), await sums('gone'));
    rmSync(at('gone'));
    expect((await same('sha256sum', ['--ignore-missing', '-c', at('list')])).code).toBe(1);
    expect((await same('sha256sum', ['--ignore-missing', '--status', '-c', at('list')])).code).toBe(1);
  });

  test('a list in a volume names files of volumes and of this machine', async () => {
    await put('/a', 'A');
    await put('/b', 'B');
    writeFileSync(at('c'), 'C');
    const { stdout } = await world.glfs(['checksum', '-a', 'xxh64', `${URL}/a`, `${URL}/b`, at('c')]);
    await put('/list', stdout);
    await put('/b', 'b');
    expect(await world.glfs(['checksum', '-a', 'xxh64', '-c', `${URL}/list`])).toMatchObject({
      code: 1,
      stdout: `${URL}/a: OK\n${URL}/b: FAILED\n${at('c')}: OK\n`,
      stderr: 'glfs: WARNING: 1 computed checksum did NOT match\n',
    });
    const { stdout: json } = await world.glfs(['--json', 'checksum', '-a', 'xxh64', '-c', `${URL}/list`]);
    expect(JSON.parse(json)).toEqual([
      { file: `${URL}/a`, algorithm: 'xxh64', status: 'ok' },
      { file: `${URL}/b`, algorithm: 'xxh64', status: 'failed' },
      { file: at('c'), algorithm: 'xxh64', status: 'ok' },
    ]);
  });
});

test.each([
  [['--status', `${URL}/a`], 'the --status option is meaningful only when verifying checksums'],
  [
    ['--ignore-missing', `${URL}/a`],
    'the --ignore-missing option is meaningful only when verifying checksums',
  ],
  [['-a', 'crc', `${URL}/a`], "argument 'crc' is invalid"],
  [['gluster://'], "not a volume URL: 'gluster://'"],
])('glfs checksum %j is wrong usage', async (argv, message) => {
  const { code, stderr } = await world.glfs(['checksum', ...argv]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test.each(['plain', ' blank ', '*star', 'back\\slash', 'line\nbreak\r', '\\n', '\\\\n\n', '\udcff'])(
  'the name %j is read back as it was',
  (name) => {
    const hex = '0123456789abcdef';
    expect(parseChecksum(printChecksum({ name, hex }), 8)).toEqual({ name, hex });
  },
);

test.each([
  '0123  x',
  '0123456789abcdef x',
  '0123456789abcdeg  x',
  '0123456789abcdef  ',
  '\\0123456789abcdef  a\\b',
])('the line %j is none', (line) => {
  expect(parseChecksum(line, 8)).toBeUndefined();
});

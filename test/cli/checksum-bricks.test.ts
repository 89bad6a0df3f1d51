import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { type Cluster, startCluster } from '../../src/testing/index.ts';
import { MemoryWorld } from './world.ts';

/* `glfs checksum -a rchecksum`: the bricks read and sum, and what they say is what local files have. */

const store = (fips: string) =>
  `volume posix\ntype storage/posix\noption fips-mode-rchecksum ${fips}\nend-volume\n` +
  'volume server\ntype protocol/server\nsubvolumes posix\nend-volume\n';
const MIB = 2 ** 20;
let cluster: Cluster;
let copies: Volume;
let here: string;
const world = new MemoryWorld();
const glfs = (...words: string[]) => world.glfs(words, { connect });
const at = (...names: string[]) => join(here, ...names);
const url = (volume: string, name: string) => `${cluster.url(volume)}/${name}`;

beforeAll(async () => {
  here = mkdtempSync(join(tmpdir(), 'glfs-bricks-'));
  cluster = await startCluster({
    volumes: {
      r: { type: 'replicate 3' },
      s: { type: 'distribute 2', options: { 'features.shard': 'on', 'features.shard-block-size': '4MB' } },
      md5: { type: 'distribute 1', brickVolfile: store('off') },
    },
  });
  copies = await cluster.connect('r');
});
afterAll(async () => {
  await copies?.close();
  await cluster?.stop();
  rmSync(here, { recursive: true, force: true });
});

const contents = new Map(
  [0, 1, 4096, MIB - 1, MIB, MIB + 1, 3 * MIB + 4097].map((size) => [
    `f${size}`,
    Buffer.from(Array.from({ length: size }, (_, index) => (index * 31) >> 3)),
  ]),
);

test('is the same of a file in a volume and of a local one, whatever the size, and no data are read', async () => {
  for (const [name, content] of contents) {
    await copies.writeFile(`/${name}`, content);
    writeFileSync(at(name), content);
  }
  const names = [...contents.keys()];
  const there = await glfs('checksum', '-a', 'rchecksum', ...names.map((name) => url('r', name)));
  const local = await glfs('checksum', '-a', 'rchecksum', ...names.map((name) => at(name)));
  const hashes = ({ stdout }: { stdout: string }) => stdout.split('\n').map((line) => line.split(' ')[0]);
  expect(there).toMatchObject({ code: 0, stderr: '' });
  expect(new Set(hashes(local)).size).toBe(names.length + 1);
  expect(hashes(there)).toEqual(hashes(local));
  for (const brick of cluster.bricks('r')) expect((await brick.counts()).read ?? 0).toBe(0);

  // One byte, and it is another one.
  await copies.writeFile('/f4096', Buffer.alloc(4096, 1));
  writeFileSync(at('list'), there.stdout);
  const { stdout, code } = await glfs('checksum', '-a', 'rchecksum', '-c', at('list'));
  expect(code).toBe(1);
  expect(stdout.match(/: FAILED$/gm)).toHaveLength(1);
  expect(stdout).toContain(`${url('r', 'f4096')}: FAILED\n`);
});

test('standard input is cut into the same blocks', async () => {
  const text = 'x'.repeat(2 * MIB + 5);
  writeFileSync(at('x'), text);
  const piped = await world.glfs(['checksum', '-a', 'rchecksum'], { input: text });
  const { stdout } = await glfs('checksum', '-a', 'rchecksum', at('x'));
  expect(piped.stdout.split(' ')[0]).toBe(stdout.split(' ')[0]);
});

test('bricks that use MD5 are refused: their sums compare with nothing here', async () => {
  await using volume = await cluster.connect('md5');
  await volume.writeFile('/f', 'x');
  await using file = await volume.open('/f');
  expect(await file.rchecksum(0, 10)).toMatchObject({ weak: 0x00780078, algorithm: 'md5' });
  const file5 = url('md5', 'f');
  expect(await glfs('checksum', '-a', 'rchecksum', file5)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `glfs: ${file5}: the bricks use MD5 (storage.fips-mode-rchecksum is off)\n`,
  });
});

test('of a sharded file no brick has all', async () => {
  await using volume = await cluster.connect('s');
  await volume.writeFile('/f', Buffer.alloc(5 * MIB));
  const { code, stdout, stderr } = await glfs('checksum', '-a', 'rchecksum', url('s', 'f'));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('f: Operation not supported (a checksum of a sharded file');
});

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/* Every file of examples/, run as its head says, and the program of the README. */

const root = resolve(import.meta.dirname, '../..');
const pool = attachPool();
const exec = promisify(execFile);
const tried = new Set<string>();

let volume: TestVolume;

function command(name: string, args: string[]): string[] {
  tried.add(`${name}.ts`);
  return ['--import', 'tsx', join(root, 'examples', `${name}.ts`), ...args];
}

async function example(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await exec(process.execPath, command(name, args), { cwd: root });
  return stdout.trim();
}

beforeAll(async () => {
  volume = await pool.createVolume('examples', {
    bricks: 2,
    options: { 'features.cache-invalidation': 'on' },
  });
});

afterAll(() => volume.delete());

it('copy-file', async () => {
  const local = pool.scratch('example');
  writeFileSync(local, randomBytes(3_000_001));
  expect(await example('copy-file', local, volume.url, 'iso/new/big')).toBe(
    'iso/new/big: 3000001 bytes, identical',
  );
  const bricks = volume.bricks.map(({ path }) => readdirSync(path, { recursive: true }).map(String));
  expect(bricks.filter((names) => names.includes('iso/new/big'))).toHaveLength(1);
});

it('quick-start, on a real volume', async () => {
  const lines = (await example('quick-start', volume.url)).split('\n');
  expect(lines).toContain('read back: 12 of 12 identical, 0 wrong');
  // What the volume says of places is what the bricks say; the example has removed its files by then.
  expect(lines.filter((line) => /^ {2}[\w-]+: (file-\d\d ?)+$/.test(line)).length).toBeGreaterThan(0);
  expect(lines.at(-1)).toMatch(/^All is well/);
});

it('list-tree', async () => {
  expect((await example('list-tree', volume.url, '/iso')).split('\n')).toEqual([
    'new/',
    '  big  3000001',
    '3000001 bytes in all',
  ]);
});

it('audit-translator', async () => {
  const lines = (await example('audit-translator', volume.url)).split('\n');
  expect(lines[0]).toBe('examples: uid 0 create /audited.txt');
  expect(lines[1]).toMatch(/^examples: uid 0 write [0-9a-f-]{36}$/);
  expect(lines.slice(2)).toEqual([
    'examples: uid 0 setattr /audited.txt',
    'seen',
    'examples: uid 0 unlink /audited.txt',
  ]);
});

it('lock-a-counter, by several processes at once', async () => {
  const counts = await Promise.all(
    Array.from({ length: 4 }, () => example('lock-a-counter', volume.url, 'counter')),
  );
  expect(counts.sort()).toEqual(['1', '2', '3', '4']);
});

it('follow-upcalls', async () => {
  const log = spawn(process.execPath, command('follow-upcalls', [volume.url, 'counter', '--count', '1']), {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  log.stdout.on('data', (text) => {
    output += text;
  });
  const ended = new Promise((done) => log.once('exit', done));
  await waitUntil(() => output.includes('watching'), { what: 'the watcher', timeoutMs: 30_000 });
  await example('lock-a-counter', volume.url, 'counter');
  expect(await ended).toBe(0);
  expect(output.split('\n')[1]).toMatch(/^counter: .*size.*times/);
});

it('the README', async () => {
  const [, program] = /^```ts\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  const file = `${pool.scratch('readme')}.mts`;
  writeFileSync(file, program!.replace('gluster://server1,server2/volume', volume.url));
  const { stdout } = await exec(process.execPath, ['--import', 'tsx', file], { cwd: root });
  expect(stdout).toBe('2025 true\n');
  await using connected = await connect(volume.url);
  const report = await connected.readFile('/reports/old/june.txt', { encoding: 'utf8' });
  expect(report).toBe('ALL well\n');
});

it("the README's test of a failover", async () => {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  const program = blocks.map(([, text]) => text!).find((text) => text.includes('startCluster'));
  const file = `${pool.scratch('failover')}.mts`;
  const check = `
    const code = async (path: string) => volume.writeFile(path, 'x').then(() => 'written', (error) => error.code);
    await cluster.bricks('demo')[1].restart();
    const codes = [];
    for (const brick of [1, 2]) {
      await cluster.bricks('demo')[brick].fault({ fop: 'create', action: 'fail', errno: 'EIO', times: Infinity });
      codes.push(await code('/without-' + brick));
    }
    console.log(codes.join());`;
  writeFileSync(file, `${program}${check}`);
  const { stdout } = await exec(process.execPath, ['--import', 'tsx', file], { cwd: root });
  // One copy of three may fail, two may not.
  expect(stdout).toBe('written,EIO\n');
});

it('leaves none out', () => {
  const all = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));
  expect([...tried].sort()).toEqual(all.sort());
  for (const name of all)
    expect(readFileSync(join(root, 'examples', name), 'utf8')).toContain(`examples/${name}`);
});

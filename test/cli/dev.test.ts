import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../src/testing/index.ts';
import { MemoryWorld } from './world.ts';

/* What `glfs dev` says when it can't serve. Serving: test/interop/embedded-clients.test.ts. */

let directory: string;
let other: Cluster;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'glfs-dev-test-'));
  other = await startCluster({
    volumes: { demo: { type: 'distribute 1' } },
    directory: join(directory, 'taken'),
  });
});
afterAll(async () => {
  await other.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function refused(...argv: string[]) {
  const given = ['dev', '--directory', join(directory, 'new'), '--port', '0', ...argv];
  const { code, stderr, stdout } = await new MemoryWorld().glfs(given);
  expect(stdout).toBe('');
  return { code, lines: stderr.trimEnd().split('\n') };
}

test.each([
  [['--type', 'raid 5'], /^glfs: volume type 'raid 5': one of 'distribute 3', /],
  [['--type', 'replicate 1'], /^glfs: volume type 'replicate 1': .*at least 2 bricks$/],
  [['--volume', 'a/b'], /^glfs: volume 'a\/b': a name of letters/],
  [['--host', 'localhost'], /^glfs: host 'localhost': a loopback address is expected/],
  [['--host', '0.0.0.0'], /^glfs: host '0\.0\.0\.0': a loopback address is expected/],
  [['--port', '65536'], /^glfs: invalid port: '65536'$/],
  [['--option', 'features.read-only=maybe'], /^glfs: volume option features\.read-only: 'maybe': a boolean/],
  [['--option', 'no.such=on'], /^glfs: .*no volume option 'no\.such'/],
  [['--option', 'on'], /^glfs: not a volume option: 'on': KEY=VALUE is expected$/],
  [['--nonsense'], /^glfs: unknown option '--nonsense'$/],
  [['more'], /^glfs: extra operand 'more'$/],
])('%s is wrong usage', async (argv, message) => {
  const { code, lines } = await refused(...argv);
  expect(lines).toEqual([expect.stringMatching(message), "Try 'glfs dev --help' for more information."]);
  expect(code).toBe(2);
});

test('a port that is in use is told with a way out', async () => {
  const { code, lines } = await refused('--port', String(other.port));
  const where = `127.0.0.1, port ${other.port}`;
  expect(lines).toEqual([
    `glfs: cannot listen on ${where}: Address already in use (--port 0 takes a free port)`,
  ]);
  expect(code).toBe(1);
});

test('a directory that is in use is told with its user', async () => {
  const { code, lines } = await refused('--directory', other.directory, '--type', 'distribute 1');
  const where = other.directory;
  expect(lines).toEqual([
    `glfs: cannot serve '${where}': Device or resource busy (${where} is in use by the cluster of process ${process.pid})`,
  ]);
  expect(code).toBe(1);
});

test('a directory that can not be made is told', async () => {
  const { code, lines } = await refused('--directory', '/dev/null/new');
  expect(lines).toEqual([expect.stringMatching(/^glfs: cannot serve '\/dev\/null\/new': Not a directory/)]);
  expect(code).toBe(1);
});

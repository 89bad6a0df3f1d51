import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type CommandResult, run, runOk } from '../helpers/processes.ts';

/*
 * What a user without root has: attributes, owners, permissions and special files in records of the brick's own. All other
 * tests run as root in CI, where the host takes owners as they are; these run as nobody.
 */

const NOBODY = 65534;
const checkout = resolve(import.meta.dirname, '../..');
/** All that is needed of a checkout. */
const parts = [
  'examples',
  'native',
  'node_modules',
  'package.json',
  'src',
  'test',
  'tsconfig.json',
  'vitest.config.ts',
];

/** Belongs to nobody. */
let scratch: string;
/** The checkout, or where nobody can't read it (a home of root's) a copy. */
let root: string;
/** Why nothing can be tried here. */
let obstacle: string | undefined;

function asNobody(...command: string[]): Promise<CommandResult> {
  const identity = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups'];
  // Where the addon was not built, a warning says so: nobody's affair here.
  const environment = [`HOME=${scratch}`, `TMPDIR=${scratch}`, 'NO_COLOR=1', 'NODE_NO_WARNINGS=1'];
  return run('setpriv', [...identity, 'env', '-C', root, ...environment, ...command], 110_000);
}

const node = (...given: string[]): Promise<CommandResult> => asNobody(process.execPath, ...given);
const program = (text: string): Promise<CommandResult> =>
  node('--import', 'tsx', '--input-type=module', '--eval', text);

async function readable(): Promise<boolean> {
  const look = parts.map((part) => `find ./${part} -maxdepth 3 ! -readable -print -quit`).join('; ');
  const { code, stdout, stderr } = await asNobody('sh', '-c', look);
  return code === 0 && stdout === '' && stderr === '';
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'glfs-nobody-'));
  await runOk('chown', [`${NOBODY}:${NOBODY}`, scratch]);
  root = '/';
  // A node below /root, where version managers put it, is out of nobody's reach.
  const { code, stderr } = await node('--version').catch((error) => ({ code: 1, stderr: String(error) }));
  if (code !== 0) obstacle = `uid ${NOBODY} can't run ${process.execPath}: ${stderr.trim()}`;
  if (obstacle !== undefined) return;
  root = checkout;
  if (await readable()) return;
  root = join(scratch, 'checkout');
  mkdirSync(root);
  for (const part of parts) await runOk('cp', ['-a', join(checkout, part), root]);
  await runOk('chmod', ['-R', 'a+rX', root]);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

beforeEach((context) => {
  if (obstacle !== undefined) context.skip(obstacle);
});

test('the conformance suite over records', async () => {
  const report = join(scratch, 'report.json');
  const { stdout, stderr } = await node(
    ...[
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      'unit',
      '--configLoader',
      'runner',
      '--cache=false',
    ],
    ...['--reporter=json', `--outputFile=${report}`],
    ...['test/conformance/posix.test.ts', '-t', 'sidecar store'],
  );
  const { numPassedTests, numFailedTests, success } = JSON.parse(readFileSync(report, 'utf8'));
  expect({ numFailedTests, success }, stdout + stderr).toEqual({ numFailedTests: 0, success: true });
  expect(numPassedTests).toBeGreaterThan(300);
});

test('the quick start', async () => {
  const { code, stdout, stderr } = await node('--import', 'tsx', 'examples/quick-start.ts');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^read back: 12 of 12 identical, 0 wrong$/m);
  expect(stdout.trim().split('\n').at(-1)).toMatch(/^All is well/);
});

test('what only root may give a file stays in its record, through a restart', async () => {
  const { code, stdout, stderr } = await program(`
    import { lstatSync } from 'node:fs';
    import { join } from 'node:path';
    import { startCluster } from './src/testing/index.ts';
    const cluster = await startCluster({ volumes: { demo: { type: 'distribute 1' } } });
    const [brick] = cluster.bricks('demo');
    const nobody = await cluster.connect('demo');
    const volume = nobody.as({ uid: 0, gid: 0 });
    await volume.writeFile('/file', 'x');
    await volume.chown('/file', 1234, 4321);
    await volume.chmod('/file', 0o4711);
    await volume.mknod('/device', { type: 'character', major: 1, minor: 3, mode: 0o600 });
    await volume.setxattr('/file', 'trusted.mine', 'kept');
    await brick.restart();
    const [file, device] = [await volume.stat('/file'), await volume.stat('/device')];
    const value = await volume.getxattr('/file', 'trusted.mine');
    console.log(JSON.stringify({
      process: process.getuid(),
      owners: [file.uid, file.gid],
      mode: file.mode & 0o7777,
      isDevice: device.isCharacterDevice(),
      attribute: value.toString(),
      onDisk: lstatSync(join(brick.directory, 'file')).uid,
    }));
    await nobody.close();
    await cluster.stop();`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    process: NOBODY,
    owners: [1234, 4321],
    mode: 0o4711,
    isDevice: true,
    attribute: 'kept',
    onDisk: NOBODY,
  });
});

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/* What `npm start` shows a newcomer. The same on a real volume: test/interop/examples.test.ts. */

const root = resolve(import.meta.dirname, '../..');

it('quick-start writes, loses a brick, reads back, and says where files lie', async () => {
  const args = ['--import', 'tsx', join(root, 'examples/quick-start.ts')];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: root,
    timeout: 25_000,
  });
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toMatch(
    /^gluster:\/\/127\.0\.0\.1:\d+\/demo: three copies on three bricks, served by this process$/,
  );
  const shown = lines
    .filter((line) => /^ {2}brick-\d: /.test(line))
    .map((line) => line.split(/[ :]+/).slice(2));
  // Every file lies on every brick.
  expect(shown.map((names) => new Set(names).size)).toEqual([12, 12, 12]);
  expect(lines).toContain('read back without it: 12 of 12 identical, 0 wrong');
  expect(lines).toContain('read back: 12 of 12 identical, 0 wrong');
  expect(lines.at(-1)).toMatch(/^All is well/);
});

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

/* The first command of the README, as a newcomer gives it. */

const root = resolve(import.meta.dirname, '../..');
const directory = mkdtempSync(join(tmpdir(), 'glfs-clean-clone-'));
const exec = promisify(execFile);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

// An unpacked archive of the sources is no repository that could be cloned.
it.skipIf(!existsSync(join(root, '.git')))(
  'npm start does everything in a fresh clone',
  async () => {
    const clone = join(directory, 'glfs');
    await exec('git', ['clone', '-q', '--depth', '1', `file://${root}`, clone]);
    const { stdout } = await exec('npm', ['start'], { cwd: clone, timeout: 300_000, maxBuffer: 1 << 24 });
    expect(stdout).toContain('installing what glfs needs (once)');
    expect(stdout).toContain('read back: 12 of 12 identical, 0 wrong');
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^All is well/);
    const again = await exec('npm', ['start'], { cwd: clone, timeout: 60_000, maxBuffer: 1 << 24 });
    expect(again.stdout).not.toContain('installing');
    expect(again.stdout).toContain('read back: 12 of 12 identical, 0 wrong');
  },
  400_000,
);

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDirectory } from '../../src/testing/cluster-state.ts';
import { waitUntil } from '../helpers/wait.ts';

let directory: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'glfs-lock-test-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** State and time of birth, as the kernel tells them. */
function statOf(pid: number): { state: string; birth: string } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, birth: fields[19]! };
}

function lockOf(pid: number): void {
  writeFileSync(join(directory, 'glfs-cluster.lock'), `${pid} ${statOf(pid).birth}\n`);
}

/** A shell that becomes a program which never asks for exit codes; only then its background job ends. */
async function orphan(): Promise<{ parent: number; zombie: number }> {
  child = spawn('/bin/sh', ['-c', 'cat <&3 >/dev/null & echo $!; exec sleep 60 3<&-'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  const zombie = Number(await new Promise<Buffer>((resolve) => child!.stdout!.once('data', resolve)));
  const comm = `/proc/${child.pid}/comm`;
  await waitUntil(() => readFileSync(comm, 'utf8') === 'sleep\n', { what: 'the program' });
  (child.stdio[3] as Writable).end();
  await waitUntil(() => statOf(zombie).state === 'Z', { what: 'a zombie' });
  return { parent: child.pid!, zombie };
}

// Who is dead, and when a process was born, is read from /proc, which only Linux has.
test.skipIf(process.platform !== 'linux')(
  'a process that was killed, and that nobody has buried, has no directory',
  async () => {
    const { parent, zombie } = await orphan();
    lockOf(parent);
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    lockOf(zombie);
    lockDirectory(directory)();
  },
);

// As above: by /proc.
test.skipIf(process.platform !== 'linux')('nor has one whose number is another’s by now', () => {
  writeFileSync(join(directory, 'glfs-cluster.lock'), `${process.pid} 1\n`);
  const release = lockDirectory(directory);
  expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  release();
});

import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { syscalls } from '../../../src/syscalls.ts';

const MEMORY = '/dev/shm';
/** A stack leaves some 30 MB behind until it ends, and several run at once. */
const ROOM = 512 * 1024 * 1024;

/**
 * Where bricks lie: in memory where that holds extended attributes (Linux 6.6), since thousands of cases write thousands
 * of files that nobody wants to keep; in the temporary directory otherwise.
 */
function parent(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < ROOM) return tmpdir();
    const probe = mkdtempSync(join(MEMORY, 'glfs-probe-'));
    try {
      const file = join(probe, 'file');
      writeFileSync(file, '');
      syscalls()?.setxattr(Buffer.from(file), Buffer.from('user.probe'), Buffer.from('x'), 0);
    } finally {
      rmSync(probe, { recursive: true });
    }
    return MEMORY;
  } catch {
    return tmpdir();
  }
}

export interface Place {
  readonly directory: string;
  remove(): void;
}

/** A new directory that goes with the stack. `onDisk`: in the temporary directory whatever there is. */
export function place(onDisk = false): Place {
  const directory = mkdtempSync(join(onDisk ? tmpdir() : parent(), 'glfs-conformance-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Directories of bricks. */
export function brickDirectories(count: number, onDisk = false): { directories: string[]; remove(): void } {
  const { directory: base, remove } = place(onDisk);
  const directories = Array.from({ length: count }, (_, index) => join(base, `brick-${index}`));
  for (const directory of directories) mkdirSync(directory);
  return { directories, remove };
}

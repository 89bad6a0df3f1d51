import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { hostErrno } from './host-error.ts';

const EPERM = 1;

type Open = (path: Buffer, flags: number) => number;

/** open(2) that leaves the access time alone, which only the owner and root may ask for. */
export function openQuietly(path: Buffer, flags: number, open: Open = openSync): number {
  try {
    return open(path, flags | constants.O_NOATIME);
  } catch (error) {
    if (hostErrno(error) !== EPERM) throw error;
    return open(path, flags);
  }
}

/** Bytes of a file that is the brick's own: reading it leaves no trace. */
export function readQuietly(path: string): Buffer {
  const descriptor = openQuietly(Buffer.from(path), constants.O_RDONLY);
  try {
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

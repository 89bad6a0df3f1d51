import { constants, openSync } from 'node:fs';

/** Open flags as they go over the wire: Linux's octal values, whatever the host. */
const WIRE_DIRECT = 0o40000;

/**
 * Opens a file of the brick with the flags of a client: open(2) without O_DIRECT, because neither requests nor JavaScript's
 * buffers are aligned; the page cache between is the only difference. A symbolic link is ELOOP, not what it points to, and a
 * fifo never holds up the process. Throws Node's system errors.
 */
export function openDescriptor(path: Buffer, flags: number, mode = 0o600): number {
  return openSync(path, (flags & ~WIRE_DIRECT) | constants.O_NOFOLLOW | constants.O_NONBLOCK, mode);
}

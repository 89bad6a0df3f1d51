import { constants, openSync } from 'node:fs';

/** Open flags as they go over the wire: Linux's octal values, whatever the host. */
const Wire = { ASYNC: 0o20000, DIRECT: 0o40000, PATH: 0o10000000, TMPFILE: 0o20000000 } as const;
const LEFT_OUT = Wire.ASYNC | Wire.DIRECT | Wire.PATH | Wire.TMPFILE;

/**
 * Opens a file of the brick with the flags of a client: open(2) without O_DIRECT, because neither requests nor JavaScript's
 * buffers are aligned; the page cache between is the only difference. What would open something else than the file (O_PATH,
 * O_TMPFILE), or send signals, is left out. A symbolic link is ELOOP, not what it points to, and a fifo never holds up the
 * process. Throws Node's system errors.
 */
export function openDescriptor(path: Buffer, flags: number, mode = 0o600): number {
  return openSync(path, (flags & ~LEFT_OUT) | constants.O_NOFOLLOW | constants.O_NONBLOCK, mode);
}

import { fsync, write } from 'node:fs';
import { promisify } from 'node:util';
import type { Sink } from './output.ts';

const writeTo = promisify(write);
const BUSY_DELAY = 5;

/**
 * Writes to a descriptor off the event loop. `process.stdout` would block the loop on a pipe whose reader is slow, and a
 * client that does not answer pings holds up others.
 * @throws the system's error, EPIPE where the reader has gone
 */
export function descriptorSink(fd: number): Sink {
  return async (bytes) => {
    let at = 0;
    while (at < bytes.length) {
      try {
        const { bytesWritten } = await writeTo(fd, bytes, at, bytes.length - at, null);
        at += bytesWritten;
      } catch (error) {
        // Whoever shares the pipe with us may have made it non-blocking.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await new Promise((resolve) => setTimeout(resolve, BUSY_DELAY));
      }
    }
  };
}

/** fsync of a descriptor; those that can't (pipes, terminals) have nothing to lose. */
export async function syncDescriptor(fd: number): Promise<void> {
  await promisify(fsync)(fd).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EINVAL' && error.code !== 'ENOTSUP' && error.code !== 'EROFS') throw error;
  });
}

import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { GlfsError } from '../../../errors.ts';

/** Keeps a second server from the same directory. */
export interface BrickLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of a brick's directory: a socket in Linux's abstract namespace, named for the directory's device and inode
 * number, that listens and never accepts. The kernel gives the name to one process only, whatever path leads to the directory,
 * and takes it back with the process, however that ends: nothing is left in the brick, nothing has to be cleaned up, and there
 * is no pid that may have been used again. It reaches as far as the network namespace does.
 * @throws GlfsError EBUSY
 */
export async function lockBrick(root: string): Promise<BrickLock> {
  const { dev, ino } = statSync(root, { bigint: true });
  const server = createServer((socket) => socket.destroy());
  server.listen({ path: `\0glfs-brick-${dev}-${ino}` });
  try {
    await once(server, 'listening');
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'EADDRINUSE') throw cause;
    throw new GlfsError('EBUSY', `${root} is served already`, { cause });
  }
  server.unref();
  // Who connects in vain must not end the process.
  server.on('error', () => {});
  return { release: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/*
 * Counts up a number in a file, safely among any number of processes and hosts: under a POSIX lock, which every client
 * of the volume sees, FUSE mounts included.
 *
 *     npx tsx examples/lock-a-counter.ts gluster://HOST/VOLUME PATH
 */
import { connect, isGlfsError } from 'glfs';

const [url, path] = process.argv.slice(2);
if (url === undefined || path === undefined) {
  console.error('usage: lock-a-counter.ts gluster://HOST/VOLUME PATH');
  process.exit(2);
}

await using volume = await connect(url);
await using file = await volume.open(path, 'a+');
try {
  // Waits until the lock is granted, but not for ever.
  await using _lock = await file.lock('write', { timeout: 10_000 });
  const count = Number((await file.readFile()).toString() || '0') + 1;
  await file.truncate(0);
  await file.write(String(count));
  await file.sync();
  console.log(count);
} catch (error) {
  // Match on `code`. `outcome` tells whether a change may have happened after all.
  if (!isGlfsError(error, 'ETIMEDOUT')) throw error;
  console.error(`somebody holds the lock: ${error.message}`);
  process.exitCode = 1;
}

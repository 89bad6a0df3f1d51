import type { TestProject } from 'vitest/node';
import { ensureFuse } from './mount.ts';
import { startPool } from './pool.ts';
import './attach.ts';

/** Starts the trusted pool of the interop tier: glusterds on 127.1.1.1, 127.1.1.2 and 127.1.1.3. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (process.getuid?.() !== 0)
    throw new Error('the interop tier needs root: glusterd, bricks and FUSE mounts');
  await ensureFuse();
  // Another subnet keeps two runs on one machine apart.
  const pool = await startPool({ subnet: process.env.GLFS_TEST_SUBNET ?? '127.1.1', count: 3 });
  project.provide('pool', pool.info);
  return () => pool.stop();
}

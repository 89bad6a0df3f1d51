import { inject } from 'vitest';
import { Pool, type PoolInfo } from './pool.ts';

declare module 'vitest' {
  interface ProvidedContext {
    pool: PoolInfo;
  }
}

/** The pool that all files of the interop tier share. Volumes made on it bear names that no other file uses. */
export function attachPool(): Pool {
  return new Pool(inject('pool'));
}

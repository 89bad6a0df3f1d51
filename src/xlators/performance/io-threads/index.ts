/*
 * The promise, in GlusterFS: calls are spread over threads by priority. Here all calls run on the event loop and no disk is
 * waited for, so there is nothing to spread; limits and lanes of what is in flight are protocol/client's. It passes.
 */
import { passThrough } from '../../pass-through.ts';
import { options } from './options.ts';

export const ioThreadsType = passThrough(
  'performance/io-threads',
  'Passes: there are no threads to spread calls over.',
  options,
);

/*
 * The promise, in GlusterFS: a virtual tree `/.meta` with the state of the process, which clients put on top of their graphs
 * themselves; no volfile of glusterd has it. Here the state dump tells the same, so what is below passes unchanged.
 */
import { passThrough } from '../pass-through.ts';

export const metaType = passThrough(
  'meta',
  'Passes: the state that `/.meta` shows is in the state dump here.',
  {},
);

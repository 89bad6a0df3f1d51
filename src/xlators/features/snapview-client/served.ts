import type { FopName } from '../../../protocol/fops.ts';

/**
 * What the snapshot daemon implements (features/snapview-server, 9 to 11). Anything else must not reach it: its default for an
 * operation is to call a child, and it has none.
 */
export const servedBySnapshots: ReadonlySet<FopName> = new Set([
  'lookup',
  'stat',
  'fstat',
  'statfs',
  'access',
  'readlink',
  'getxattr',
  'open',
  'opendir',
  'read',
  'readdir',
  'readdirp',
  'flush',
  'release',
  'releasedir',
]);

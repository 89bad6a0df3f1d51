import type { PosixFops } from '../brick.ts';

export { lookupXdata } from './lookup-xdata.ts';

/** Operations on attributes: those of stat, and extended ones. */
export const attributeFops: PosixFops = {};

import type { PosixFops } from '../brick.ts';

export { openDescriptor } from './descriptor.ts';

/** Operations on the data of files. */
export const fileFops: PosixFops = {};

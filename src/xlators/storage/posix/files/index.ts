import type { PosixFops } from '../brick.ts';

export { closeWhenIdle, openDescriptor } from './descriptor.ts';
export { keepDescriptor, openFdCount, releaseFd } from './open-fds.ts';

/** Operations on the data of files. */
export const fileFops: PosixFops = {};

import { GlfsError } from '../../../../errors.ts';
import type { Inode } from '../../../../graph/index.ts';

/**
 * Devices are for the clients' kernels: bricks store them and never open them.
 * @throws GlfsError EINVAL
 */
export function refuseDevice(inode: Inode): void {
  if (inode.type === 'block' || inode.type === 'character')
    throw new GlfsError('EINVAL', `not for a ${inode.type} device`);
}

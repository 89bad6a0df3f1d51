import { statfsSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import type { CallContext } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { keys } from '../../../protocol/keys.ts';
import type { PosixBrick } from './brick.ts';

/**
 * Whether the file system has no more than the option `reserve` free, and the call is not an internal one: heals and
 * rebalances go on, so that a full brick can be emptied.
 */
export function reserveReached(brick: PosixBrick, context: CallContext, xdata: Dict | undefined): boolean {
  const { percent, bytes } = brick.options.reserve;
  if (!percent && !bytes) return false;
  if (context.pid < 0 || xdata?.has(keys.internalFop)) return false;
  const { bfree, blocks, bsize } = statfsSync(brick.root);
  return bytes === undefined ? bfree <= (blocks * percent!) / 100 : bfree * bsize <= bytes;
}

/**
 * For calls that need space.
 * @throws GlfsError ENOSPC where the reserve is reached.
 */
export function refuseWhenFull(brick: PosixBrick, context: CallContext, xdata: Dict | undefined): void {
  if (reserveReached(brick, context, xdata))
    throw new GlfsError('ENOSPC', 'the space left on the brick is reserved');
}

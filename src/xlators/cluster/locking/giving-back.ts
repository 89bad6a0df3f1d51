import { isGlfsError } from '../../../errors.ts';
import type { Subvolume } from '../../../graph/index.ts';
import type { MemberSet } from '../member-set.ts';
import { wind } from '../wind.ts';

/** What a brick says that does not have the lock any more, or never had it. */
const released = ['EINVAL', 'ENOENT', 'ESTALE'] as const;

const RETRIES = 3;

/**
 * Gives a lock of transactions or heals back on one member. A lock that stays keeps everybody out for as long as the connection
 * lasts: a brick that fails is asked again, whatever it says. `departures`: of that member, when the lock was asked for; what
 * was granted on a connection that has ended since is gone. Never rejects.
 */
export async function giveBack(
  state: MemberSet,
  child: Subvolume,
  drop: (child: Subvolume) => Promise<unknown>,
  departures: number,
): Promise<void> {
  const index = state.indexOf(child);
  for (let tries = 0; tries <= RETRIES && state.departures[index] === departures; tries++) {
    const { error } = await wind(child, drop);
    if (error === undefined || isGlfsError(error, ...released)) return;
    state.log.debug({ translator: state.name, subvolume: child.name, error }, 'unlock failed');
  }
}

import { type CallContext, Inode } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { countOf } from '../../children.ts';
import type { DisperseState } from '../state.ts';
import { examine, type HealKind } from './examine.ts';
import { inspect } from './inspect.ts';
import { locked } from './locks.ts';
import { type HealSession, openSession } from './session.ts';

/**
 * What is to be healed of a file: one line of `heal info`; undefined for nothing. Where differences may be those of a change
 * under way, the lock of operations is waited for. While a subvolume is away all that is listed has to be healed.
 * @throws GlfsError as lookup of the gfid does
 */
export async function diagnose(
  state: DisperseState,
  gfid: Gfid,
  caller: CallContext,
): Promise<readonly HealKind[] | undefined> {
  const session: HealSession = openSession(state, new Inode(gfid), caller);
  const seen = await examine(session, session.inode, state.up);
  // Too few can have it: what is left of it goes with the heal of its directory.
  if (countOf(seen.absent) > state.redundancy) throw seen.errors[0]!;
  const { need, kinds } = inspect(state, seen, false);
  if (need === 'no') return undefined;
  if (need === 'must' || state.up !== state.all) return kinds;
  return locked(session, session.inode, async ({ on }) => {
    const found = inspect(state, await examine(session, session.inode, on), true);
    return found.need === 'no' ? undefined : found.kinds;
  });
}

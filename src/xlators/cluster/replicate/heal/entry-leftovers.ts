import { isGlfsError } from '../../../../errors.ts';
import { type CallContext, Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { keys } from '../../../../protocol/keys.ts';
import { lockEntry } from '../../heal-locks.ts';
import type { ReplicateState } from '../state.ts';
import { decide } from './entry-decision.ts';
import { addMarks } from './marks.ts';
import { openSession } from './session.ts';

/**
 * Takes a directory out of the copies' indices of names where nothing is marked: a change that was begun, and then not made on
 * any copy, leaves its names noted. A transaction notes first and marks then, so this needs the directory to itself; where
 * somebody has it, the next crawl comes by.
 * @throws GlfsError ENOTCONN
 */
export async function dropLeftovers(state: ReplicateState, gfid: Gfid, caller: CallContext): Promise<void> {
  const inode = new Inode(gfid, 'directory');
  const session = openSession(state, inode, caller);
  const lock = await lockEntry(session, state.domain, inode, undefined, 'try');
  try {
    if (lock.on !== state.all || !(await decide(session, inode)).clean) return;
    const nothing = { pending: state.children.map(() => undefined) };
    const purge = new Dict().set(keys.indexPurge, 1);
    for (const index of state.children.keys()) await addMarks(session, inode, index, nothing, purge.clone());
  } catch (error) {
    // A copy lacks the directory: it has yet to be healed.
    if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
  } finally {
    await lock.release();
  }
}

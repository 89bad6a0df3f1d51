import { type CallContext, Inode, type Subvolume } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { keys } from '../../../../protocol/keys.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import { encodeChangelog } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';

/**
 * Adds zeros to a file's changelogs on one copy, which takes it out of the index where they are zero: a brick that died
 * between the entry and the changelog leaves an entry that stands for nothing.
 */
export async function settleIndex(
  state: ReplicateState,
  child: Subvolume,
  gfid: Gfid,
  context: CallContext,
): Promise<void> {
  const dict = new Dict();
  for (const name of [state.dirtyName, ...state.pendingNames]) dict.setBytes(name, encodeChangelog({}));
  const loc = { inode: new Inode(gfid) };
  // Somebody may be changing a name of it just now.
  const xdata = new Dict().set(keys.indexPurge, 0);
  await child.xattrop({ loc, operation: XattropFlag.ADD_ARRAY, dict, xdata }, context);
}

import { type CallContext, Inode, type Subvolume } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
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
  await child.xattrop({ loc, operation: XattropFlag.ADD_ARRAY, dict }, context);
}

import { type CallContext, Fd } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { keys } from '../../../../protocol/keys.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../../children.ts';
import { type FileTarget, openFd } from '../../locking/lockees.ts';
import { wind } from '../../wind.ts';
import type { ReplicateState } from '../state.ts';

const xdata = new Dict()
  .set(keys.batchFsync, 1)
  .setEntry(keys.internalFop.name, { type: 'str', value: 'yes' });

/**
 * Brings a file's bytes to disk on each of `children`: marks that say a copy is good must not outlive a crash that its bytes
 * did not. Answers those where it failed, which is as if the writes had.
 */
export async function syncCopies(
  state: ReplicateState,
  target: FileTarget,
  children: ChildSet,
  context: CallContext,
): Promise<ChildSet> {
  const fd = openFd(target) ?? new Fd(target.inode, OpenFlag.RDWR, true);
  let failed = NO_CHILDREN;
  await Promise.all(
    indicesOf(children).map(async (index) => {
      const { error } = await wind(state.children[index]!, (child) =>
        child.fsync({ fd, datasync: 1, xdata }, context),
      );
      if (error === undefined) return;
      failed |= 1 << index;
      state.log.warn(
        { translator: state.name, gfid: target.inode.toString(), error },
        'fsync failed on a copy',
      );
    }),
  );
  return failed;
}

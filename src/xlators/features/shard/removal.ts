import { isGlfsError, toGlfsError } from '../../../errors.ts';
import { type CallContext, detached, type Inode, throwIfEnded, whileWaiting } from '../../../graph/index.ts';
import { gfidToString } from '../../../protocol/gfid.ts';
import type { FileState } from './files.ts';
import { mark, unmark } from './marker.ts';
import type { ShardState } from './state.ts';

/**
 * Runs what takes a name of a sharded file away. Where it is the last, a marker is made before, and `gone` is called when the
 * file's blocks may be deleted. As in GlusterFS, the locks keep the marker and the name together: nobody deletes blocks of a
 * file whose name has not gone yet.
 */
export async function removing<T>(
  state: ShardState,
  file: FileState,
  inode: Inode,
  context: CallContext,
  takeName: (context: CallContext) => Promise<T>,
  gone: () => void,
): Promise<T> {
  throwIfEnded(context);
  return whileWaiting(run(state, file, inode, detached(context), takeName, gone), context);
}

async function run<T>(
  state: ShardState,
  file: FileState,
  inode: Inode,
  context: CallContext,
  takeName: (context: CallContext) => Promise<T>,
  gone: () => void,
): Promise<T> {
  const removeMe = await state.directories.removeMe.make(context);
  const lock = await state.locks.inode(inode, context);
  try {
    await state.refresh(file, { inode }, context);
    if (file.base.nlink > 1) return await takeName(context);
    const nameLock = await state.locks.entry(removeMe, gfidToString(file.gfid), context, true);
    try {
      return await takeLastName(state, file, removeMe, context, takeName);
    } finally {
      await nameLock.drop();
    }
  } finally {
    await lock.drop();
    if (file.unlinked) gone();
  }
}

async function takeLastName<T>(
  state: ShardState,
  file: FileState,
  removeMe: Inode,
  context: CallContext,
  takeName: (context: CallContext) => Promise<T>,
): Promise<T> {
  const marker = await mark(state, file, removeMe, context);
  try {
    const reply = await takeName(context);
    file.unlinked = true;
    return reply;
  } catch (thrown) {
    const error = toGlfsError(thrown);
    // Gone by another hand: then the marker is right. Unknown: whoever deletes will look whether the file is there.
    const stays = error.outcome === 'failed' && !isGlfsError(error, 'ENOENT', 'ESTALE');
    if (stays) await unmark(state, marker, context);
    throw error;
  }
}

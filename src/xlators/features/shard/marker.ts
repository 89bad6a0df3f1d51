import { isGlfsError } from '../../../errors.ts';
import { asRoot, type CallContext, detached, Inode, type Loc } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { gfidToString, newGfid } from '../../../protocol/gfid.ts';
import { keys } from '../../../protocol/keys.ts';
import { XattropFlag } from '../../../protocol/messages.ts';
import { type FileSize, fileAttributes } from './attributes.ts';
import type { FileState, Target } from './files.ts';
import type { ShardState } from './state.ts';

/*
 * A marker is an empty file in .remove_me, named by the gfid of a file that loses its last name, with that file's block size and size. It
 * is there before the name goes, so whoever comes by finds what blocks are to be deleted, however the client has ended.
 */

/** Makes the marker, or brings it up to date where an earlier removal has left it. */
export async function mark(
  state: ShardState,
  file: FileState,
  removeMe: Inode,
  context: CallContext,
): Promise<Loc> {
  const root = asRoot(detached(context));
  const inode = new Inode();
  const loc = { inode, parent: removeMe, name: gfidToString(file.gfid) };
  // On a full brick it takes of the space that is held back: or else nothing could be removed there.
  const xdata = fileAttributes(file.blockSize, { size: file.size, blocks: 0 })
    .set(keys.gfidRequest, newGfid())
    .set(keys.internalFop, 1);
  try {
    const { stat } = await state.child.mknod({ loc, dev: 0n, mode: 0, umask: 0o644, xdata }, root);
    inode.learn(stat);
  } catch (error) {
    if (!isGlfsError(error, 'EEXIST', 'ENODATA')) throw error;
    const { stat } = await state.child.lookup(
      { loc, flags: 0, xdata: new Dict().set(keys.gfidRequest, newGfid()) },
      root,
    );
    inode.learn(stat);
    await write(state, file, loc, { size: file.size, blocks: 0 }, root);
  }
  file.outgrown = false;
  return loc;
}

async function write(
  state: ShardState,
  file: FileState,
  loc: Loc,
  size: FileSize,
  root: CallContext,
): Promise<void> {
  const dict = fileAttributes(file.blockSize, size);
  await state.child.xattrop({ loc: { inode: loc.inode }, operation: XattropFlag.GET_AND_SET, dict }, root);
}

/** The name has stayed after all. */
export async function unmark(state: ShardState, marker: Loc, context: CallContext): Promise<void> {
  const root = asRoot(detached(context));
  await state.child.unlink({ loc: marker, xflags: 0 }, root).catch((error: unknown) => {
    state.log.debug({ translator: state.name, name: marker.name, error }, 'a marker stays behind');
  });
}

/**
 * A file without a name has grown: its marker gets its last size. To be called while it is open still, since nobody deletes its
 * blocks as long.
 */
export async function remark(
  state: ShardState,
  file: FileState,
  target: Target,
  context: CallContext,
): Promise<void> {
  if (!file.outgrown) return;
  const removeMe = await state.directories.removeMe.make(context);
  const { size } = await state.refresh(file, target, context);
  file.outgrown = false;
  const lock = await state.locks.entry(removeMe, gfidToString(file.gfid), context, true);
  try {
    const root = asRoot(detached(context));
    const inode = new Inode();
    const loc = { inode, parent: removeMe, name: gfidToString(file.gfid) };
    const { stat } = await state.child.lookup({ loc, flags: 0 }, root);
    inode.learn(stat);
    await write(state, file, loc, { size, blocks: 0 }, root);
  } finally {
    await lock.drop();
  }
}

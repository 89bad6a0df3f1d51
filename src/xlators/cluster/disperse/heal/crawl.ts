import { type CallContext, Inode, type Subvolume } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { type FileType, typeOfMode } from '../../../../protocol/iatt.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import { listing } from '../../index-directory.ts';
import { windAll } from '../../wind.ts';
import { DIRTY, encodeNumbers, ZEROS } from '../lock/counters.ts';
import type { DisperseState } from '../state.ts';
import { healName } from './name.ts';
import { viewName } from './name-view.ts';
import { openSession } from './session.ts';

/** Names that any subvolume has in a directory. One that lacks the directory has none. */
export async function namesOnBricks(
  state: DisperseState,
  gfid: Gfid,
  context: CallContext,
): Promise<string[]> {
  const names = new Set<string>();
  const inode = new Inode(gfid, 'directory');
  await windAll(state.childrenOf(state.up), async (child) => {
    for await (const name of listing(child, inode, context)) names.add(name);
  });
  return [...names];
}

/**
 * What a name means, made the same on all subvolumes first. Undefined where it is gone.
 * @throws GlfsError EIO where subvolumes mean different files and none is known to be right
 */
export async function healedName(
  state: DisperseState,
  directory: Gfid,
  name: string,
  caller: CallContext,
): Promise<{ readonly gfid: Gfid; readonly type: FileType } | undefined> {
  const parent = new Inode(directory, 'directory');
  const session = openSession(state, parent, caller);
  const place = { parent, name };
  let seen = await viewName(session, place, state.up);
  if (seen.meanings.length > 1 || (seen.meanings.length === 1 && seen.missing !== 0)) {
    const { error } = await healName(session, place);
    if (error !== undefined) throw error;
    seen = await viewName(session, place, state.up);
  }
  const [most] = seen.meanings;
  return most === undefined ? undefined : { gfid: most.stat.gfid, type: typeOfMode(most.stat.mode) };
}

/** Adds nothing to a file's dirty marks, which takes it out of the brick's index where they are zero. */
export async function settleIndex(child: Subvolume, gfid: Gfid, context: CallContext): Promise<void> {
  const dict = new Dict().setBytes(DIRTY, encodeNumbers(...ZEROS));
  const loc = { inode: new Inode(gfid) };
  await child.xattrop({ loc, operation: XattropFlag.ADD_ARRAY64, dict }, context);
}

import { rmdirSync, unlinkSync } from 'node:fs';
import { GlfsError } from '../../../../errors.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { isDirectory } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { afterwards } from '../aftermath.ts';
import { nameBytes } from '../brick-directory.ts';
import { dropName } from '../gfid2path.ts';
import { stampTimes } from '../times.ts';
import type { EntryFop } from './entry-fop.ts';
import { entryKeys } from './keys.ts';
import { isLinktoFile } from './linkto.ts';
import { parentAfter, parentBefore } from './parent.ts';
import { departing } from './remove-name.ts';

export const unlink: EntryFop<'unlink'> = async (brick, { loc, xdata }, context) => {
  const path = brick.entryOf(loc);
  const parent = parentBefore(brick, loc);
  const before = brick.iatt(path);
  const { gfid } = before;
  if (isDirectory(before)) throw new GlfsError('EISDIR');
  if (xdata?.get(entryKeys.unlessOpen) && brick.openCount(gfid) > 0)
    throw new GlfsError('EBUSY', 'the file is open');
  if (xdata?.get(entryKeys.linktoOnly) && !isLinktoFile(brick, path))
    throw new GlfsError('EBUSY', 'the file is no linkto file');

  const file = departing(brick, path, gfid);
  file.leave(() => unlinkSync(path));
  const left = file.links > 1 ? file.handle : undefined;
  if (left !== undefined) {
    afterwards(brick, () => dropName(brick, left, parent.gfid, nameBytes(loc.name!)));
    stampTimes(brick, left, context);
  }
  const reply = new Dict();
  if (xdata?.has(entryKeys.blockCount)) reply.set(entryKeys.blockCount, before.blocks);
  if (xdata?.has(entryKeys.linkCount)) reply.set(entryKeys.linkCount, before.nlink);
  if (xdata?.has(entryKeys.linkCountWanted)) reply.set(entryKeys.linkCountReply, before.nlink);
  if (xdata?.has(keys.statForDistribute)) {
    const { handle } = file;
    const after = handle === undefined ? { ...before, nlink: 0 } : brick.iatt(handle, gfid);
    reply.set(keys.postStat, after).set(keys.statForDistribute, after);
  }
  file.settle();
  return { preparent: parent.before, postparent: parentAfter(brick, parent, context), xdata: reply };
};

export const rmdir: EntryFop<'rmdir'> = async (brick, { loc, xflags }, context) => {
  const path = brick.entryOf(loc);
  const parent = parentBefore(brick, loc);
  const gfid = brick.gfidOf(path);
  const forget = brick.store.forgetLater(path);
  if (!brick.store.stat(path).isDirectory()) throw new GlfsError('ENOTDIR');
  if (xflags !== 0) {
    brick.landfill.take(path);
  } else {
    rmdirSync(path);
    afterwards(brick, forget);
  }
  if (gfid !== undefined)
    afterwards(brick, () => brick.handles.unlinkDirectory(gfid, parent.gfid, nameBytes(loc.name!)));
  return { preparent: parent.before, postparent: parentAfter(brick, parent, context) };
};

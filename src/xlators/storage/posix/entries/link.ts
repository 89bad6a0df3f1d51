import { linkSync } from 'node:fs';
import { GlfsError } from '../../../../errors.ts';
import { isDirectory } from '../../../../protocol/iatt.ts';
import { nameBytes } from '../brick-directory.ts';
import { withNameNoted } from '../gfid2path.ts';
import { lookAt } from '../handles.ts';
import { refuseWhenFull } from '../reserve.ts';
import { stampTimes } from '../times.ts';
import type { EntryFop } from './entry-fop.ts';
import { entryKeys } from './keys.ts';
import { removeLinktoFile } from './linkto.ts';
import { parentAfter, parentBefore } from './parent.ts';

export const link: EntryFop<'link'> = async (brick, { loc, newLoc, xdata }, context) => {
  refuseWhenFull(brick, context, xdata);
  const source = brick.pathOf(loc.inode.gfid);
  const before = brick.iatt(source, loc.inode.gfid);
  if (isDirectory(before)) throw new GlfsError('EPERM', 'a directory has one name');
  // One that lives on only while it is open.
  if (before.nlink === 0) throw new GlfsError('ENOENT', 'the file is unlinked');
  const most = brick.options['max-hardlinks'];
  if (most > 0 && before.nlink >= most) throw new GlfsError('EMLINK', `a file has ${most} names at most`);

  const path = brick.entryOf(newLoc);
  const parent = parentBefore(brick, newLoc);
  if (xdata?.has(entryKeys.forceReplace) === true) removeLinktoFile(brick, path);
  if (lookAt(path) !== undefined) throw new GlfsError('EEXIST');
  const name = nameBytes(newLoc.name!);
  withNameNoted(brick, source, parent.gfid, name, () => linkSync(source, path), before.nlink + 1);
  stampTimes(brick, path, context);
  const postparent = parentAfter(brick, parent, context);
  return { stat: brick.iatt(path), preparent: parent.before, postparent };
};

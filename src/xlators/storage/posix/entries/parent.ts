import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Loc } from '../../../../graph/index.ts';
import { type Dict, type DictEntry, entryText } from '../../../../protocol/dict.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { storedBytes } from '../attributes/values.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { hostError } from '../host-error.ts';
import { stampParentTimes } from '../times.ts';
import { entryKeys } from './keys.ts';

/** The directory whose entries a call changes, as it was before. */
export interface Parent {
  readonly gfid: Gfid;
  readonly path: Buffer;
  readonly before: Iatt;
}

/** @throws GlfsError ESTALE where the brick lacks the directory, ENOTDIR where it is none. */
export function parentBefore(brick: BrickDirectory, loc: Loc): Parent {
  const gfid = loc.parent!.gfid;
  const path = brick.handles.findDirectory(gfid);
  if (path === undefined) throw new GlfsError('ESTALE', 'the brick lacks the directory');
  return { gfid, path, before: parentStat(brick, path, gfid) };
}

/** Stamps the directory; its attributes after the call. Its path may be another one by now. */
export function parentAfter(brick: BrickDirectory, { gfid }: Parent, context: CallContext): Iatt {
  const path = brick.handles.findDirectory(gfid);
  if (path === undefined) throw new GlfsError('ESTALE', 'the brick lacks the directory');
  stampParentTimes(brick, path, context);
  return parentStat(brick, path, gfid);
}

function parentStat(brick: BrickDirectory, path: Buffer, gfid: Gfid): Iatt {
  try {
    return brick.iatt(path, gfid);
  } catch (error) {
    const failure = hostError(error);
    throw failure.code === 'ENOENT' ? new GlfsError('ESTALE', failure.reason, { cause: error }) : failure;
  }
}

/**
 * The xdata of a call that makes an entry, less what is a condition: distribute lets the brick compare the layout that it went
 * by with the parent's, so that no file is made where it is not looked for.
 * @throws GlfsError EIO where they differ
 */
export function passingParentCheck(brick: BrickDirectory, parent: Parent, xdata: Dict): Dict {
  const condition: DictEntry | undefined = xdata.entry(entryKeys.parentCheck.name);
  if (condition === undefined) return xdata;
  const name = entryText(condition);
  const wanted = xdata.entry(name);
  const rest = xdata.clone();
  rest.delete(entryKeys.parentCheck);
  if (wanted === undefined) return rest;
  rest.delete(name);
  const held = brick.store.get(parent.path, name);
  if (held === undefined || !held.equals(storedBytes(wanted)))
    throw new GlfsError('EIO', `${name} of the parent is not what the caller takes it for`);
  return rest;
}

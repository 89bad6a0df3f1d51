import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Loc, Reply, Request } from '../../../../graph/index.ts';
import { type Gfid, isNullGfid } from '../../../../protocol/gfid.ts';
import { emptyIatt } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { lookupXdata } from '../attributes/index.ts';
import { type BrickDirectory, nameBytes } from '../brick-directory.ts';
import type { EntryFop } from './entry-fop.ts';
import { giveIdentity } from './identity.ts';
import { entryKeys } from './keys.ts';
import { parentBefore } from './parent.ts';

export const lookup: EntryFop<'lookup'> = async (brick, request, context) => {
  const { loc } = request;
  if (loc.parent === undefined || loc.name === undefined) {
    const { gfid } = loc.inode;
    return found(brick, brick.pathOf(gfid), gfid, request, context);
  }
  if (loc.name === '.' || loc.name === '..') return lookUpwards(brick, loc, request, context);
  const path = brick.entryOf(loc);
  const parent = parentBefore(brick, loc);
  // Throws ENOENT: for a missing entry that, and not ESTALE, is the answer.
  brick.store.stat(path);
  const wanted = wantedGfid(request);
  const gfid = loc.inode.known
    ? brick.gfidOf(path)
    : giveIdentity(brick, path, parent.gfid, nameBytes(loc.name), wanted);
  const reply = found(brick, path, gfid, request, context);
  return { ...reply, postparent: parent.before };
};

/** Names that clients of handles use: a directory itself, and the one above, never above the root. */
function lookUpwards(
  brick: BrickDirectory,
  loc: Loc,
  request: Request<'lookup'>,
  context: CallContext,
): Reply<'lookup'> {
  const { gfid } = loc.parent!;
  const wanted = loc.name === '.' ? gfid : brick.handles.parentOf(gfid);
  const path = wanted === undefined ? undefined : brick.handles.findDirectory(wanted);
  if (wanted === undefined || path === undefined)
    throw new GlfsError('ESTALE', 'the brick lacks the directory');
  return { ...found(brick, path, wanted, request, context), postparent: parentBefore(brick, loc).before };
}

function wantedGfid({ xdata }: Request<'lookup'>): Gfid | undefined {
  const entry = xdata?.entry(keys.gfidRequest.name);
  const bytes = entry?.type === 'gfuuid' || entry?.type === 'bytes' ? entry.value : undefined;
  return bytes?.length === 16 && !isNullGfid(bytes) ? new Uint8Array(bytes) : undefined;
}

function found(
  brick: BrickDirectory,
  path: Buffer,
  gfid: Gfid | undefined,
  { xdata }: Request<'lookup'>,
  context: CallContext,
): Reply<'lookup'> {
  const stat = brick.iatt(path, gfid);
  if (isNullGfid(stat.gfid) && xdata?.has(entryKeys.withoutGfid) !== true)
    throw new GlfsError('ENODATA', 'the file has no gfid: it was not made by way of the volume');
  return { stat, postparent: emptyIatt(), xdata: lookupXdata(brick, path, stat, xdata, context) };
}

import { GlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Loc, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { gfidEquals, isNullGfid } from '../../../protocol/gfid.ts';
import { type Iatt, isDirectory } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { type Answer, wind } from '../wind.ts';
import { lookupDirectory, refuseOther } from './directory-lookup.ts';
import { lookupEverywhere } from './everywhere.ts';
import { givingGfid, lookupXdata } from './lookup-request.ts';
import { asDirectory, isLinkto, withoutMigrationBits, withStickyBit } from './merge.ts';
import type { DistributeState } from './state.ts';

type Lookup = Reply<'lookup'>;

/**
 * A lookup by name of which nothing is known. The subvolume that the name hashes to is asked first; what it says decides:
 * a file is there, a linkto file leads to it, a directory is looked up on all, and a name that is absent may have to be
 * looked for everywhere.
 */
export async function lookupFresh(
  state: DistributeState,
  loc: Loc,
  given: Dict | undefined,
  context: CallContext,
): Promise<Lookup> {
  const { inode, parent, name } = loc;
  const xdata = lookupXdata(state, given, inode.isRoot);
  const wanted = inode.known ? inode.gfid : given?.get(keys.gfidRequest);
  if (inode.isRoot || parent === undefined || name === undefined) {
    return everywhereUnlessDirectory(state, loc, undefined, xdata, context, wanted);
  }
  const hashed = await state.findHashed(parent, name, context);
  if (hashed === undefined) {
    return everywhereUnlessDirectory(state, loc, undefined, xdata, context, wanted);
  }
  const answer = await wind(hashed, (child) =>
    child.lookup({ loc, flags: 0, xdata: xdata.clone() }, context),
  );
  const { error, reply } = answer;
  if (error !== undefined) {
    if (error.code === 'ENOTCONN' || error.code === 'ENODATA') {
      return everywhereUnlessDirectory(state, loc, hashed, xdata, context, wanted, [answer]);
    }
    if (error.code === 'ENOENT' && mayBeElsewhere(state, parent)) {
      return searchEverywhere(state, loc, hashed, xdata, context, wanted);
    }
    throw error;
  }
  if (isDirectory(reply.stat)) {
    const { gfid } = reply.stat;
    // Without a gfid it must get one together with the others.
    const known = isNullGfid(gfid) ? [] : [answer];
    return everywhereUnlessDirectory(state, loc, hashed, xdata, context, gfid, known);
  }
  if (isLinkto(reply.stat, reply.xdata, state.attributes)) {
    const target = state.childNamed(reply.xdata!.get(state.attributes.linkto));
    const followed = target && (await followLinkto(state, loc, reply.stat, target, xdata, context));
    return followed ?? searchEverywhere(state, loc, hashed, xdata, context, wanted);
  }
  return foundFile(state, loc, hashed, reply);
}

/**
 * Whether a name that its hashed subvolume lacks may be on another. Not if the directory has been spread anew since the
 * subvolumes last changed (its commit hash is the volume's): then every file is where it hashes to, or a linkto file is.
 */
function mayBeElsewhere(state: DistributeState, parent: Inode): boolean {
  if (state.children.length === 1) return false;
  // Without it every value of lookup-unhashed means to look: GlusterFS takes `off` for `on` here, and `auto` misses files.
  if (!state.options['lookup-optimize'] || !state.commitHashKnown) return true;
  return state.layoutOf(parent)?.commitHash !== state.commitHash;
}

async function everywhereUnlessDirectory(
  state: DistributeState,
  loc: Loc,
  hashed: Subvolume | undefined,
  xdata: Dict,
  context: CallContext,
  gfid: Uint8Array | undefined,
  known: readonly Answer<Lookup>[] = [],
): Promise<Lookup> {
  const outcome = await lookupDirectory(state, loc, givingGfid(xdata, gfid), context, known);
  return 'reply' in outcome ? outcome.reply : searchEverywhere(state, loc, hashed, xdata, context, gfid);
}

async function searchEverywhere(
  state: DistributeState,
  loc: Loc,
  hashed: Subvolume | undefined,
  xdata: Dict,
  context: CallContext,
  gfid: Uint8Array | undefined,
): Promise<Lookup> {
  const outcome = await lookupEverywhere(state, loc, hashed, xdata, context);
  if ('file' in outcome) return foundFile(state, loc, outcome.file.child, outcome.file.reply);
  const again = await lookupDirectory(state, loc, givingGfid(xdata, gfid), context);
  if ('reply' in again) return again.reply;
  throw new GlfsError('EIO', `the subvolumes don't agree on what '${loc.name}' is`, {
    translator: state.name,
  });
}

/**
 * The file that a linkto file on the hashed subvolume points to; undefined where it points to nothing (of that gfid).
 * @throws GlfsError ENOTCONN where the target is down: the linkto file may be all that tells of the data.
 */
export async function followLinkto(
  state: DistributeState,
  loc: Loc,
  linkto: Iatt,
  target: Subvolume,
  xdata: Dict,
  context: CallContext,
): Promise<Lookup | undefined> {
  const { error, reply } = await wind(target, (child) =>
    child.lookup({ loc, flags: 0, xdata: xdata.clone() }, context),
  );
  if (error?.code === 'ENOTCONN' || error?.code === 'ECANCELED' || error?.code === 'ETIMEDOUT') throw error;
  if (reply === undefined || isDirectory(reply.stat)) return undefined;
  if (isLinkto(reply.stat, reply.xdata, state.attributes)) return undefined;
  if (!gfidEquals(reply.stat.gfid, linkto.gfid)) return undefined;
  const sticky = state.options['unhashed-sticky-bit'] && reply.stat.nlink === 1;
  const stat = sticky ? withStickyBit(reply.stat) : reply.stat;
  return foundFile(state, loc, target, { ...reply, stat });
}

function foundFile(state: DistributeState, loc: Loc, child: Subvolume, reply: Lookup): Lookup {
  refuseOther(state, loc, reply.stat);
  state.forget(loc.inode);
  state.setCached(loc.inode, child);
  return { ...reply, stat: withoutMigrationBits(reply.stat), postparent: asDirectory(reply.postparent) };
}

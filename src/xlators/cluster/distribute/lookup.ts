import type { CallContext, Loc, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { isDirectory } from '../../../protocol/iatt.ts';
import { wind } from '../wind.ts';
import { lookupDirectory, refuseOther } from './directory-lookup.ts';
import { discover } from './discover.ts';
import { followLinkto, lookupFresh } from './fresh.ts';
import { givingGfid, lookupXdata } from './lookup-request.ts';
import { asDirectory, isLinkto, withoutMigrationBits } from './merge.ts';
import type { DistributeState } from './state.ts';

type Lookup = Reply<'lookup'>;

/**
 * A lookup, whatever it is: by gfid, of what is known already (a file is asked for only where it was last), or fresh.
 * @throws GlfsError ESTALE where the name, or the inode, is another file by now.
 */
export async function lookup(
  state: DistributeState,
  loc: Loc,
  xdata: Dict | undefined,
  context: CallContext,
): Promise<Lookup> {
  const { inode } = loc;
  const named = loc.parent !== undefined && loc.name !== undefined;
  if (!named && !inode.isRoot) return discover(state, loc, context, xdata);
  const cached = state.cachedOf(inode);
  if (inode.known && cached !== undefined) return revalidateFile(state, loc, cached, xdata, context);
  if (inode.known && state.layoutOf(inode) !== undefined) {
    return revalidateDirectory(state, loc, xdata, context);
  }
  return lookupFresh(state, loc, xdata, context);
}

async function revalidateFile(
  state: DistributeState,
  loc: Loc,
  cached: Subvolume,
  given: Dict | undefined,
  context: CallContext,
): Promise<Lookup> {
  const xdata = lookupXdata(state, given, false);
  const { error, reply } = await wind(cached, (child) =>
    child.lookup({ loc, flags: 0, xdata: xdata.clone() }, context),
  );
  // It may have been migrated, and removed here.
  if (error?.code === 'ENOENT' || error?.code === 'ESTALE') return lookupFresh(state, loc, given, context);
  if (error !== undefined) throw error;
  if (isDirectory(reply.stat)) return lookupFresh(state, loc, given, context);
  if (isLinkto(reply.stat, reply.xdata, state.attributes)) {
    const target = state.childNamed(reply.xdata!.get(state.attributes.linkto));
    const followed = target && (await followLinkto(state, loc, reply.stat, target, xdata, context));
    return followed ?? lookupFresh(state, loc, given, context);
  }
  refuseOther(state, loc, reply.stat);
  const stat = withoutMigrationBits(reply.stat);
  return { ...reply, stat, postparent: asDirectory(reply.postparent) };
}

async function revalidateDirectory(
  state: DistributeState,
  loc: Loc,
  given: Dict | undefined,
  context: CallContext,
): Promise<Lookup> {
  const xdata = givingGfid(lookupXdata(state, given, loc.inode.isRoot), loc.inode.gfid);
  const outcome = await lookupDirectory(state, loc, xdata, context);
  return 'reply' in outcome ? outcome.reply : lookupFresh(state, loc, given, context);
}

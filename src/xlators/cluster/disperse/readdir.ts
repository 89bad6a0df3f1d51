import type { CallContext, DirectoryEntry, Fd, Reply, Subvolume } from '../../../graph/index.ts';
import { isRegular } from '../../../protocol/iatt.ts';
import { has } from '../children.ts';
import { type Listing, listPart } from '../listing.ts';
import { requireReadable } from './asking.ts';
import type { Part } from './fops.ts';
import { mergedStat, mergedXdata } from './merged-reply.ts';
import { mayNeedHeal } from './need-heal.ts';
import { toldBy, withQuestions } from './questions.ts';
import { readGood } from './read-good.ts';
import type { DisperseState } from './state.ts';

/* Listings are one subvolume's, chosen under the lock of the directory among those that have all names. */

export const readdir: Part<'readdir'> = async (state, request, context) => {
  const { fd, offset } = request;
  const call = (child: Subvolume, at: bigint) => child.readdir({ ...request, offset: at }, context);
  const { reply } = await listPart(state, listing(state, fd, call, context), offset, context);
  return reply;
};

export const readdirp: Part<'readdirp'> = async (state, request, context) => {
  const { fd, offset } = request;
  const xdata = withQuestions(request.xdata);
  const call = (child: Subvolume, at: bigint): Promise<Reply<'readdirp'>> =>
    child.readdirp({ ...request, offset: at, xdata: xdata.clone() }, context);
  const { reply, index } = await listPart(state, listing(state, fd, call, context), offset, context);
  return { ...reply, entries: reply.entries.map((entry) => whole(state, entry, index)) };
};

function listing<T>(
  state: DisperseState,
  fd: Fd,
  call: Listing<T>['call'],
  context: CallContext,
): Listing<T> {
  return {
    fd,
    call,
    first: (read) => readGood(state, { inode: fd.inode, fd, read }, context),
    require: () => requireReadable(state),
    isVisible: () => true,
  };
}

/**
 * Attributes of the whole file, as far as one fragment can tell: with the size in its counters, while nobody is changing it, and
 * while nothing is known to be behind. Others must be looked up.
 */
function whole(state: DisperseState, entry: DirectoryEntry, index: number): DirectoryEntry {
  const { stat, xdata } = entry;
  if (stat === undefined) return entry;
  const { size, dirty } = toldBy(xdata);
  const known = state.files.known(stat.gfid);
  const isTrusted = !mayNeedHeal(state) && !dirty && !(known !== undefined && has(known.bad, index));
  if (!isTrusted || (isRegular(stat) && size === undefined)) {
    return { ...entry, stat: undefined, inode: undefined, xdata: mergedXdata(state, [entry], size) };
  }
  return { ...entry, stat: mergedStat(state, [stat], size), xdata: mergedXdata(state, [entry], size) };
}

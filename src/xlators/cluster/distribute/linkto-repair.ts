import type { CallContext, Subvolume } from '../../../graph/index.ts';
import { type Gfid, gfidEquals } from '../../../protocol/gfid.ts';
import { wind } from '../wind.ts';
import { type Entry, lookAt, makeLinkto, removeStaleLinkto } from './linkfile.ts';
import { withNamespace } from './locks.ts';
import { isLinkto } from './merge.ts';
import type { DistributeState } from './state.ts';

/** A name whose linkto files a search has found wrong. */
export interface Suspicion {
  readonly entry: Entry;
  /** Where the name hashes to. */
  readonly hashed: Subvolume;
  /** The data, where the search has found any. */
  readonly file?: { readonly child: Subvolume; readonly gfid: Gfid };
  /** Other subvolumes that had a linkto file of the name. */
  readonly strays: readonly Subvolume[];
}

/**
 * - `right`: a linkto file on the hashed subvolume leads to data, now;
 * - `absent`: there is none (any more);
 * - `kept`: it is wrong, or may be, and could not be removed: it is open, or its target could not be asked.
 */
export type Verdict = 'right' | 'absent' | 'kept';

/**
 * Puts the linkto files of a name right. A search asks subvolumes at different moments, and may so miss a file that is just
 * being renamed or linked: under the lock of the name it is looked at again, and only what is wrong then is changed. What
 * can't be done now does no harm, and is only logged.
 */
export async function repairLinktos(
  state: DistributeState,
  suspicion: Suspicion,
  context: CallContext,
): Promise<Verdict> {
  const { hashed, entry } = suspicion;
  const { error, reply } = await wind(hashed, () =>
    withNamespace(state, { hashed, ...entry }, context, () => repairLocked(state, suspicion, context)),
  );
  if (error === undefined) return reply;
  const details = { translator: state.name, subvolume: hashed.name, name: entry.name, error };
  state.log.debug(details, 'linkto files could not be put right');
  return 'kept';
}

async function repairLocked(
  state: DistributeState,
  { entry, hashed, file, strays }: Suspicion,
  context: CallContext,
): Promise<Verdict> {
  for (const child of strays) {
    if (await isPointer(state, child, entry, context)) await removeStaleLinkto(state, child, entry, context);
  }
  const verdict = await judge(state, hashed, entry, context);
  if (verdict !== 'absent' || file === undefined || file.child === hashed) return verdict;
  const there = await wind(hashed, (child) => lookAt(state, child, entry, context));
  if (there.error?.code !== 'ENOENT') return 'kept';
  const data = await wind(file.child, (child) => lookAt(state, child, entry, context));
  if (data.reply === undefined || !gfidEquals(data.reply.stat.gfid, file.gfid)) return 'absent';
  if (isLinkto(data.reply.stat, data.reply.xdata, state.attributes)) return 'absent';
  await makeLinkto(state, { on: hashed, target: file.child, entry, gfid: file.gfid }, context);
  return 'right';
}

async function isPointer(
  state: DistributeState,
  child: Subvolume,
  entry: Entry,
  context: CallContext,
): Promise<boolean> {
  const { reply } = await wind(child, () => lookAt(state, child, entry, context));
  return reply !== undefined && isLinkto(reply.stat, reply.xdata, state.attributes);
}

/** Whether the linkto file on the hashed subvolume leads to data; it is removed where it surely does not. */
async function judge(
  state: DistributeState,
  hashed: Subvolume,
  entry: Entry,
  context: CallContext,
): Promise<Verdict> {
  const { reply, error } = await wind(hashed, (child) => lookAt(state, child, entry, context));
  if (reply === undefined) return error?.code === 'ENOENT' ? 'absent' : 'kept';
  if (!isLinkto(reply.stat, reply.xdata, state.attributes)) return 'absent';
  const target = state.childNamed(reply.xdata?.get(state.attributes.linkto));
  if (target !== undefined && target !== hashed) {
    const data = await wind(target, (child) => lookAt(state, child, entry, context));
    if (data.error !== undefined && data.error.code !== 'ENOENT') return 'kept';
    if (data.reply !== undefined && gfidEquals(data.reply.stat.gfid, reply.stat.gfid)) {
      if (!isLinkto(data.reply.stat, data.reply.xdata, state.attributes)) return 'right';
    }
  }
  const removed = await removeStaleLinkto(state, hashed, entry, context);
  return removed.error === undefined || removed.error.code === 'ENOENT' ? 'absent' : 'kept';
}

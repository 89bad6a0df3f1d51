import { GlfsError, isGlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Request, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { internalDetached, transaction, wind } from '../wind.ts';
import { lookupFresh } from './fresh.ts';
import { type Entry, lookAt } from './linkfile.ts';
import { withNamespace } from './locks.ts';
import { asDirectory, isLinkto } from './merge.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';

type Unlink = Reply<'unlink'>;

/**
 * Removes a name: the file where its data are, which decides, and then the linkto file, if there is one. A linkto file that
 * stays behind because its subvolume is down hides nothing; the next lookup removes it.
 */
export async function unlink(
  state: DistributeState,
  request: Request<'unlink'>,
  context: CallContext,
): Promise<Unlink> {
  const { parent, name } = request.loc;
  if (parent === undefined || name === undefined) {
    throw new GlfsError('EINVAL', 'unlink needs a parent and a name');
  }
  const entry = { parent, name };
  const reply = await transaction(context, (own) =>
    state.names.run([entry], () => removeName(state, request, entry, own)),
  );
  return { ...reply, preparent: asDirectory(reply.preparent), postparent: asDirectory(reply.postparent) };
}

async function removeName(
  state: DistributeState,
  request: Request<'unlink'>,
  entry: Entry,
  context: CallContext,
): Promise<Unlink> {
  const { inode } = request.loc;
  const hashed = await state.findHashed(entry.parent, entry.name, context);
  const cached =
    state.cachedOf(inode) ??
    (inode.known ? await state.cachedChild(request.loc, context) : await find(state, entry, context));
  // Without the subvolume that the name hashes to there is no lock to be had; its linkto file then leads nowhere.
  if (hashed === undefined || (hashed !== cached && !state.isUp(hashed)))
    return cached.unlink(request, context);
  // The common case is one call. As in GlusterFS, a rename by another client at the same moment is not locked out.
  if (hashed !== cached || state.names.isDisplaced(entry)) {
    return removeBoth(state, request, entry, hashed, cached, context);
  }
  try {
    return await cached.unlink(request, context);
  } catch (error) {
    if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
    // Migrated since, perhaps: then the data must go where they are now.
    const moved = await find(state, entry, context);
    if (moved === cached) throw error;
    return removeBoth(state, request, entry, hashed, moved, context);
  }
}

/** Where the name's data are, looked up anew. @throws GlfsError ENOENT, or EISDIR where it is a directory by now. */
async function find(
  state: DistributeState,
  { parent, name }: Entry,
  context: CallContext,
): Promise<Subvolume> {
  const inode = new Inode();
  await lookupFresh(state, { inode, parent, name }, undefined, context);
  const child = state.cachedOf(inode);
  if (child === undefined) throw new GlfsError('EISDIR', undefined, { translator: state.name });
  return child;
}

/**
 * Data and linkto file on two subvolumes: under the lock of the name it is looked at again what is where, so that no linkto
 * file goes that another client has just made for another file.
 */
function removeBoth(
  state: DistributeState,
  request: Request<'unlink'>,
  entry: Entry,
  hashed: Subvolume,
  cached: Subvolume,
  context: CallContext,
): Promise<Unlink> {
  return withNamespace(state, { hashed, ...entry }, context, async () => {
    const there = await wind(hashed, (child) => lookAt(state, child, entry, context));
    if (there.error !== undefined && there.error.code !== 'ENOENT') throw there.error;
    if (there.reply === undefined) return cached.unlink(request, context);
    const { stat, xdata } = there.reply;
    if (!isLinkto(stat, xdata, state.attributes)) return hashed.unlink(request, context);
    const target = state.childNamed(xdata?.get(state.attributes.linkto)) ?? cached;
    const reply = await removeData(target, cached, request, context);
    await removeLinkto(state, request, entry, hashed, context);
    return reply;
  });
}

async function removeData(
  target: Subvolume,
  cached: Subvolume,
  request: Request<'unlink'>,
  context: CallContext,
): Promise<Unlink> {
  try {
    return await target.unlink(request, context);
  } catch (error) {
    if (target === cached || !isGlfsError(error, 'ENOENT')) throw error;
    return cached.unlink(request, context);
  }
}

/** The file is gone; its linkto file can only mislead by now. */
async function removeLinkto(
  state: DistributeState,
  { xflags }: Request<'unlink'>,
  entry: Entry,
  hashed: Subvolume,
  context: CallContext,
): Promise<void> {
  const loc = { inode: new Inode(), ...entry };
  const xdata = new Dict().set(marks.onlyIfLinkto, 1);
  const { error } = await wind(hashed, (child) =>
    child.unlink({ loc, xflags, xdata }, internalDetached(context)),
  );
  // EBUSY: the file itself is there, just migrated: it has a name too many, which a further unlink would remove.
  if (error === undefined || error.code === 'ENOENT') return;
  const details = { translator: state.name, subvolume: hashed.name, name: entry.name, error };
  state.log.warn(details, 'a linkto file stays behind');
}

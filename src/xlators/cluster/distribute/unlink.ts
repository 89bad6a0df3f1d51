import { GlfsError, isGlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Request, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import { lookupFresh } from './fresh.ts';
import { type Entry, lookAt } from './linkfile.ts';
import { asDirectory } from './merge.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';
import { internalDetached, transaction, wind } from './wind.ts';

type Unlink = Reply<'unlink'>;

/**
 * Removes a name: the file where its data are, which decides, and then the linkto file, if there is one. A linkto file that
 * stays behind because its subvolume is down hides nothing; the next lookup removes it.
 */
export function unlink(
  state: DistributeState,
  request: Request<'unlink'>,
  context: CallContext,
): Promise<Unlink> {
  return transaction(context, (own) => removeName(state, request, own));
}

async function removeName(
  state: DistributeState,
  request: Request<'unlink'>,
  context: CallContext,
): Promise<Unlink> {
  const { inode, parent, name } = request.loc;
  if (parent === undefined || name === undefined)
    throw new GlfsError('EINVAL', 'unlink needs a parent and a name');
  const entry = { parent, name };
  const hashed = await state.findHashed(parent, name, context);
  const known = state.cachedOf(inode) ?? (inode.known ? undefined : await find(state, entry, context));
  const cached = known ?? (await state.cachedChild(request.loc, context));
  const { child, reply } = await removeData(state, request, entry, cached, context);
  if (hashed !== undefined && hashed !== child) await removePointer(state, request, entry, hashed, context);
  return { ...reply, preparent: asDirectory(reply.preparent), postparent: asDirectory(reply.postparent) };
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

async function removeData(
  state: DistributeState,
  request: Request<'unlink'>,
  entry: Entry,
  cached: Subvolume,
  context: CallContext,
): Promise<{ child: Subvolume; reply: Unlink }> {
  try {
    return { child: cached, reply: await cached.unlink(request, context) };
  } catch (error) {
    if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
    // Migrated since, perhaps: then the data must go where they are now.
    const moved = await find(state, entry, context);
    if (moved === cached) throw error;
    return { child: moved, reply: await moved.unlink(request, context) };
  }
}

/**
 * Removes the linkto file. If what stands there is none, it is the file itself, just migrated there, or a new one of the
 * same name, which must stay.
 */
async function removePointer(
  state: DistributeState,
  { loc, xflags }: Request<'unlink'>,
  entry: Entry,
  hashed: Subvolume,
  context: CallContext,
): Promise<void> {
  const root = internalDetached(context);
  const target = { inode: new Inode(), parent: entry.parent, name: entry.name };
  const guarded = new Dict().set(marks.onlyIfLinkto, 1);
  let { error } = await wind(hashed, (child) => child.unlink({ loc: target, xflags, xdata: guarded }, root));
  if (error?.code === 'EBUSY') {
    const { reply } = await wind(hashed, (child) => lookAt(state, child, entry, context));
    const same = reply !== undefined && loc.inode.known && gfidEquals(reply.stat.gfid, loc.inode.gfid);
    if (!same) return;
    ({ error } = await wind(hashed, (child) => child.unlink({ loc: target, xflags }, root)));
  }
  if (error === undefined || error.code === 'ENOENT') return;
  const details = { translator: state.name, subvolume: hashed.name, name: entry.name, error };
  state.log.warn(details, 'a linkto file stays behind');
}

import { GlfsError, isGlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Request, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { gfidEquals, newGfid } from '../../../protocol/gfid.ts';
import { keys } from '../../../protocol/keys.ts';
import { combined, failures, internalDetached, successes, transaction, wind, windAll } from '../wind.ts';
import { dropLeftover } from './agreement.ts';
import { unconditional } from './condition.ts';
import { mergedStat } from './everywhere.ts';
import type { Part } from './fops.ts';
import type { StripeState } from './state.ts';

/** A directory is on all subvolumes, under one gfid; the first decides. */
export const mkdir: Part<'mkdir'> = async (state, request, context) => {
  state.requireAll();
  const { parent, name } = request.loc;
  if (parent === undefined || name === undefined)
    throw new GlfsError('EINVAL', 'a new directory needs a name', { translator: state.name });
  const gfid = request.xdata?.get(keys.gfidRequest) ?? newGfid();
  const xdata = (request.xdata?.clone() ?? new Dict()).set(keys.gfidRequest, gfid);
  const whole = { ...request, xdata };
  return transaction(context, (own) =>
    state.locks.names([{ parent, name }], own, async () => {
      const first = await state.first.mkdir(whole, own);
      const onOthers = { ...request, xdata: unconditional(xdata) };
      const others = await windAll(state.others, (child) => makeOn(child, onOthers, first, own));
      const failed = failures(others);
      if (failed.length === 0) return first;
      const loc = { ...request.loc, inode: new Inode(gfid, 'directory') };
      const back = internalDetached(own);
      const made = successes(others).map(({ child }) => child);
      await windAll(made, (child) => child.rmdir({ loc, xflags: 0 }, back));
      await wind(state.first, (child) => child.rmdir({ loc, xflags: 0 }, back));
      throw combined(failed, state.name);
    }),
  );
};

/** One that is there under the same gfid was made by whoever repaired the name meanwhile. */
async function makeOn(
  child: Subvolume,
  request: Request<'mkdir'>,
  { stat }: Reply<'mkdir'>,
  context: CallContext,
): Promise<Reply<'mkdir'>> {
  try {
    return await child.mkdir(request, context);
  } catch (error) {
    if (!isGlfsError(error, 'EEXIST')) throw error;
    const loc = { ...request.loc, inode: new Inode() };
    const there = await child.lookup({ loc, flags: 0 }, internalDetached(context));
    if (gfidEquals(there.stat.gfid, stat.gfid)) return { ...there, preparent: there.postparent };
    throw new GlfsError('EIO', `${child.name} has another entry by this name`, {
      translator: child.name,
      cause: error,
    });
  }
}

export const symlink: Part<'symlink'> = (state, request, context) => state.first.symlink(request, context);

/**
 * A further name for all stripes; what is no regular file has its names on the first subvolume.
 * @throws GlfsError EIO where a stripe is lost
 */
export const link: Part<'link'> = async (state, request, context) => {
  const { loc, newLoc } = request;
  const layout = await state.layoutOf(loc, context);
  if (layout === undefined) return state.first.link(request, context);
  state.requireAll();
  const { parent, name } = newLoc;
  if (parent === undefined || name === undefined)
    throw new GlfsError('EINVAL', 'a new name is needed', { translator: state.name });
  return transaction(context, (own) =>
    state.locks.names([{ parent, name }], own, async () => {
      const first = await state.first.link(request, own);
      const others = await windAll(state.others, (child) => linkOn(state, child, request, own));
      const failed = failures(others);
      if (failed.length > 0) {
        await unlinkNew(state, [...successes(others).map(({ child }) => child), state.first], request, own);
        throw combined(failed, state.name);
      }
      return mergedStat(state, layout, [first, ...others.map(({ reply }) => reply!)]);
    }),
  );
};

async function linkOn(
  state: StripeState,
  child: Subvolume,
  request: Request<'link'>,
  context: CallContext,
): Promise<Reply<'link'>> {
  try {
    return await child.link(request, context);
  } catch (error) {
    if (!isGlfsError(error, 'EEXIST')) throw error;
    const own = internalDetached(context);
    const loc = { ...request.newLoc, inode: new Inode() };
    const there = await child.lookup({ loc, flags: 0 }, own);
    if (gfidEquals(there.stat.gfid, request.loc.inode.gfid)) return { ...there, preparent: there.postparent };
    if (await dropLeftover(state, child, loc, there.stat, own)) return child.link(request, context);
    throw error;
  }
}

async function unlinkNew(
  state: StripeState,
  children: readonly Subvolume[],
  { loc, newLoc }: Request<'link'>,
  context: CallContext,
): Promise<void> {
  const own = internalDetached(context);
  const named = { ...newLoc, inode: loc.inode };
  for (const child of children) await wind(child, () => child.unlink({ loc: named, xflags: 0 }, own));
  state.log.debug({ translator: state.name, name: newLoc.name }, 'a name was taken back');
}

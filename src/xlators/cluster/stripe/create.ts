import { GlfsError, isGlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Loc, type Reply, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { type Gfid, gfidEquals, newGfid } from '../../../protocol/gfid.ts';
import { isRegular, S_IFMT } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { type Answer, combined, failures, internalDetached, transaction, wind, windAll } from '../wind.ts';
import { dropLeftover } from './agreement.ts';
import { unconditional } from './condition.ts';
import { mergedStat } from './everywhere.ts';
import type { Part } from './fops.ts';
import { lookup } from './lookup.ts';
import { open } from './open.ts';
import { belowFd } from './plain-fd.ts';
import type { StripeState } from './state.ts';

type Made = Reply<'mknod'>;

/**
 * Makes a file, or, without O_EXCL, opens the one that is there. Where a subvolume fails only those stripes are taken back that
 * this call has made. (GlusterFS removed the name everywhere, also that of the file that was in the way.)
 */
export const create: Part<'create'> = async (state, request, context) => {
  const { loc } = request;
  const fd = belowFd(request.fd);
  const flags = request.flags & ~OpenFlag.APPEND;
  const exclusive = { ...request, fd, flags: flags | OpenFlag.CREAT | OpenFlag.EXCL };
  try {
    return await makeStripes(state, loc, request.xdata, context, {
      make: (child, xdata, own) => child.create({ ...exclusive, xdata }, own),
      undo: (child, own) => child.release({ fd }, own),
    });
  } catch (error) {
    if ((flags & OpenFlag.EXCL) !== 0 || !isGlfsError(error, 'EEXIST')) throw error;
  }
  const { stat, postparent } = await lookup(state, { loc, flags: 0 }, context);
  if (!isRegular(stat)) throw new GlfsError('EEXIST', undefined, { translator: state.name });
  if (!loc.inode.known) loc.inode.learn(stat);
  await open(state, { loc, fd: request.fd, flags: request.flags & ~OpenFlag.CREAT }, context);
  return { stat, preparent: postparent, postparent };
};

/** A regular file has its stripes everywhere; anything else is on the first subvolume alone. */
export const mknod: Part<'mknod'> = (state, request, context) => {
  if (!isRegular(request) && (request.mode & S_IFMT) !== 0) return state.first.mknod(request, context);
  return makeStripes(state, request.loc, request.xdata, context, {
    make: (child, xdata, own) => child.mknod({ ...request, xdata }, own),
  });
};

interface Maker<R extends Made> {
  make(child: Subvolume, xdata: Dict, context: CallContext): Promise<R>;
  undo?(child: Subvolume, context: CallContext): Promise<unknown>;
}

/** The first subvolume decides (EEXIST, permissions); then all others, at once. */
function makeStripes<R extends Made>(
  state: StripeState,
  loc: Loc,
  given: Dict | undefined,
  context: CallContext,
  maker: Maker<R>,
): Promise<R> {
  state.requireAll();
  const { parent, name } = loc;
  if (parent === undefined || name === undefined)
    throw new GlfsError('EINVAL', 'a new file needs a name', { translator: state.name });
  const gfid = given?.get(keys.gfidRequest) ?? newGfid();
  const layout = state.newLayout(loc.path ?? `/${name}`);
  const xdata = (given?.clone() ?? new Dict()).set(keys.gfidRequest, gfid);
  const ofStripe = (child: Subvolume): Dict => {
    const own = child === state.first ? xdata : unconditional(xdata);
    if (!state.options['use-xattr']) return own;
    return state.attributes.giving(own, layout, layout.stripes.indexOf(child));
  };
  return transaction(context, (own) =>
    state.locks.names([{ parent, name }], own, async () => {
      const make = (child: Subvolume): Promise<R> => maker.make(child, ofStripe(child), own);
      const first = await make(state.first);
      const others = await windAll(state.others, (child) =>
        makeOther(state, { loc, gfid, make }, child, own),
      );
      const failed = failures(others);
      if (failed.length > 0) {
        await takeBack(state, loc, gfid, [{ child: state.first, reply: first }, ...others], maker, own);
        throw combined(failed, state.name);
      }
      const replies = [first, ...others.map(({ reply }) => reply!)];
      state.files.remember(first.stat.gfid, layout);
      return {
        ...mergedStat(state, layout, replies),
        ...(first.xdata === undefined ? {} : { xdata: state.attributes.without(first.xdata) }),
      };
    }),
  );
}

interface Making<R> {
  readonly loc: Loc;
  readonly gfid: Gfid;
  make(child: Subvolume): Promise<R>;
}

/** The name is new on the first subvolume: what another has by it is a leftover. */
async function makeOther<R extends Made>(
  state: StripeState,
  { loc, make }: Making<R>,
  child: Subvolume,
  context: CallContext,
): Promise<R> {
  try {
    return await make(child);
  } catch (error) {
    if (!isGlfsError(error, 'EEXIST')) throw error;
    const own = internalDetached(context);
    const left = await child.lookup({ loc: { ...loc, inode: new Inode() }, flags: 0 }, own);
    if (!(await dropLeftover(state, child, loc, left.stat, own)))
      throw new GlfsError('EIO', `${child.name} has another file by this name than ${state.first.name}`, {
        translator: state.name,
        cause: error,
      });
    return make(child);
  }
}

/** The first subvolume comes last: until then nobody can make the name anew. */
async function takeBack<R extends Made>(
  state: StripeState,
  loc: Loc,
  gfid: Gfid,
  answers: readonly Answer<R>[],
  { undo }: Maker<R>,
  context: CallContext,
): Promise<void> {
  const own = internalDetached(context);
  for (const { child, reply } of [...answers].reverse()) {
    // What is there though its making failed can't be told from another's file without looking.
    const found = await wind(child, () =>
      child.lookup({ loc: { ...loc, inode: new Inode() }, flags: 0 }, own),
    );
    if (found.reply === undefined || !gfidEquals(found.reply.stat.gfid, gfid)) continue;
    if (reply !== undefined) await wind(child, () => undo?.(child, own) ?? Promise.resolve());
    const inode = new Inode(gfid, 'file');
    const { error } = await wind(child, () => child.unlink({ loc: { ...loc, inode }, xflags: 0 }, own));
    if (error === undefined) continue;
    state.log.warn(
      { translator: state.name, subvolume: child.name, error },
      'a stripe of no file stays behind',
    );
  }
}

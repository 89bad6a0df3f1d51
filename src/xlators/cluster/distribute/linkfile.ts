import { GlfsError, isGlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { type Gfid, gfidEquals, isNullGfid } from '../../../protocol/gfid.ts';
import { type Iatt, S_IFREG } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { SetattrValid } from '../../../protocol/messages.ts';
import { type Answer, internalDetached, wind } from '../wind.ts';
import { isLinkto } from './merge.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';

/*
 * A linkto file: an empty regular file of mode 01000 (nothing but the sticky bit) with the name of another subvolume
 * in trusted.glusterfs.dht.linkto. It stands where a name hashes to and says where the data are; it has their gfid.
 */
export const LINKTO_MODE = S_IFREG | 0o1000;
/** Value of a requested attribute's length in LOOKUP. */
const LINKTO_REQUEST = { type: 'uint', value: 256n } as const;

export interface Entry {
  readonly parent: Inode;
  readonly name: string;
}

export interface LinktoPlan {
  /** Where it stands. */
  readonly on: Subvolume;
  /** Where the data are or will be. */
  readonly target: Subvolume;
  readonly entry: Entry;
  /** That of the data. */
  readonly gfid: Gfid;
  /** What else the MKNOD shall carry. */
  readonly xdata?: Dict;
}

export interface LinktoMade {
  readonly stat: Iatt;
  /** It stood there before: then it isn't ours to remove. */
  readonly existed: boolean;
  readonly isLinkto: boolean;
  readonly target: Subvolume | undefined;
}

/**
 * Makes a linkto file. A brick that has the gfid already (under another name) makes it a hard link of that.
 * What stands there already is looked at and told of; it is left as it is.
 */
export async function makeLinkto(
  state: DistributeState,
  plan: LinktoPlan,
  context: CallContext,
): Promise<LinktoMade> {
  const { on, target, entry, gfid } = plan;
  const xdata = new Dict()
    .merge(plan.xdata)
    .set(marks.internalFop, 'yes')
    .set(state.attributes.linkto, target.name);
  if (!isNullGfid(gfid)) xdata.set(keys.gfidRequest, gfid);
  const loc = { inode: new Inode(), parent: entry.parent, name: entry.name };
  const request = { loc, dev: 0n, mode: LINKTO_MODE, umask: 0, xdata };
  try {
    const { stat } = await on.mknod(request, internalDetached(context));
    return { stat, existed: false, isLinkto: true, target };
  } catch (error) {
    if (!isGlfsError(error, 'EEXIST')) throw error;
  }
  const found = await lookAt(state, on, entry, context);
  return {
    stat: found.stat,
    existed: true,
    isLinkto: isLinkto(found.stat, found.xdata, state.attributes),
    target: state.childNamed(found.xdata?.get(state.attributes.linkto)),
  };
}

/**
 * As makeLinkto, but what linkto file stands in the way is replaced.
 * @returns false where the right one was there already. @throws GlfsError EEXIST where a file with data stands there.
 */
export async function placeLinkto(
  state: DistributeState,
  plan: LinktoPlan,
  context: CallContext,
): Promise<boolean> {
  const xdata = new Dict().merge(plan.xdata).set(marks.forceReplace, 'yes');
  for (let tries = 1; ; tries++) {
    const made = await makeLinkto(state, { ...plan, xdata }, context);
    if (!made.existed) return true;
    if (made.isLinkto && made.target === plan.target && gfidEquals(made.stat.gfid, plan.gfid)) return false;
    if (!made.isLinkto || tries > 1) throw new GlfsError('EEXIST', undefined, { translator: plan.on.name });
    // Bricks before version 10 don't know `force-replace`.
    await wind(plan.on, (child) => removeLinktoAt(child, plan.entry, context));
  }
}

function removeLinktoAt(child: Subvolume, { parent, name }: Entry, context: CallContext): Promise<unknown> {
  const xdata = new Dict().set(marks.onlyIfLinkto, 1).set(marks.internalFop, 'yes');
  const loc = { inode: new Inode(), parent, name };
  return child.unlink({ loc, xflags: 0, xdata }, internalDetached(context));
}

/** What bears a name on one subvolume, linkto attribute included. */
export function lookAt(
  state: DistributeState,
  child: Subvolume,
  entry: Entry,
  context: CallContext,
): Promise<Reply<'lookup'>> {
  const xdata = new Dict().setEntry(state.attributes.linkto.name, LINKTO_REQUEST);
  const loc = { inode: new Inode(), parent: entry.parent, name: entry.name };
  return child.lookup({ loc, flags: 0, xdata }, internalDetached(context));
}

/**
 * What bears a name, asked for once more under its lock; undefined where nothing does.
 * @throws GlfsError ESTALE where it is another file than the one that the caller has looked up.
 */
export async function lookAgain(
  state: DistributeState,
  child: Subvolume,
  entry: Entry,
  expected: Gfid | undefined,
  context: CallContext,
): Promise<Reply<'lookup'> | undefined> {
  const { error, reply } = await wind(child, () => lookAt(state, child, entry, context));
  if (error?.code === 'ENOENT') return undefined;
  if (error !== undefined) throw error;
  if (expected === undefined || gfidEquals(reply.stat.gfid, expected)) return reply;
  throw new GlfsError('ESTALE', `'${entry.name}' is another file now`, { translator: state.name });
}

/**
 * Removes a linkto file that leads nowhere. The brick refuses (EBUSY) if it is no linkto file any more, or open: data are
 * never removed. @returns the error, if any.
 */
export async function removeStaleLinkto(
  state: DistributeState,
  child: Subvolume,
  entry: Entry,
  context: CallContext,
): Promise<Answer<Reply<'unlink'>>> {
  const xdata = new Dict().set(marks.onlyIfLinkto, 1).set(marks.notIfOpen, 1);
  const loc = { inode: new Inode(), parent: entry.parent, name: entry.name };
  const answer = await wind(child, () => child.unlink({ loc, xflags: 0, xdata }, internalDetached(context)));
  const details = { translator: state.name, subvolume: child.name, name: entry.name, error: answer.error };
  if (answer.error !== undefined && answer.error.code !== 'ENOENT')
    state.log.debug(details, 'a stale linkto file could not be removed');
  return answer;
}

/** Gives a linkto file, made as root, the owner of the data, in the background: quota counts by owner. */
export function healLinktoOwner(
  state: DistributeState,
  child: Subvolume,
  data: Iatt,
  context: CallContext,
): void {
  if (data.uid === 0 && data.gid === 0) return;
  const loc = { inode: new Inode(data.gfid, 'file') };
  const valid = SetattrValid.UID | SetattrValid.GID;
  const xdata = new Dict().set(marks.internalFop, 'yes');
  state.background('ownership of a linkto file', () =>
    child.setattr({ loc, stat: data, valid, xdata }, internalDetached(context)),
  );
}

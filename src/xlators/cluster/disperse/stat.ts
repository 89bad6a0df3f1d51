import { type CallContext, type Fd, Inode, type Reply } from '../../../graph/index.ts';
import { type Dict, withKey } from '../../../protocol/dict.ts';
import { type Iatt, isRegular } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { internalDetached } from '../wind.ts';
import { agreement } from './answers.ts';
import { ask, requireReadable } from './asking.ts';
import type { Part } from './fops.ts';
import { look } from './glance.ts';
import { mergedReply } from './merged-reply.ts';
import type { DisperseState } from './state.ts';

export const stat: Part<'stat'> = (state, request, context) => {
  const { loc, xdata } = request;
  return look(
    state,
    { inode: loc.inode, xdata, call: (child, asked, own) => child.stat({ loc, xdata: asked }, own) },
    context,
  );
};

export const fstat: Part<'fstat'> = (state, request, context) => {
  const { fd, xdata } = request;
  return look(
    state,
    { inode: fd.inode, fd, xdata, call: (child, asked, own) => child.fstat({ fd, xdata: asked }, own) },
    context,
  );
};

/** Attributes of a file for replies of other calls. */
export async function statOf(
  state: DisperseState,
  { inode, fd, xdata }: { readonly inode: Inode; readonly fd?: Fd; readonly xdata?: Dict },
  context: CallContext,
): Promise<Reply<'stat'>['stat']> {
  const reply =
    fd === undefined
      ? await stat(state, { loc: { inode }, xdata }, context)
      : await fstat(state, { fd, xdata }, context);
  return reply.stat;
}

/**
 * A reply of a change of names with the attributes of the file that the name is of. That its bytes are in too few good fragments is
 * no reason to fail: the name is changed.
 */
export async function withStat<T extends { readonly stat: Iatt; readonly xdata?: Dict }>(
  state: DisperseState,
  reply: T,
  context: CallContext,
): Promise<T> {
  const { stat: told } = reply;
  if (!isRegular(told)) return reply;
  try {
    const inode = new Inode(told.gfid, 'file');
    return { ...reply, stat: await statOf(state, { inode }, internalDetached(context)) };
  } catch {
    const size = state.files.known(told.gfid)?.size ?? 0;
    return { ...reply, stat: { ...told, size }, xdata: withKey(reply.xdata, keys.doubtful, 1) };
  }
}

/** What must be allowed by as many as it takes to read. */
export const access: Part<'access'> = async (state, request, context) => {
  requireReadable(state);
  const answers = await ask(state, state.up, (child) => child.access(request, context));
  const { replies } = agreement(state, answers, () => 'allowed');
  return mergedReply(
    state,
    replies.map(({ reply }) => reply),
  );
};

/** A target is never changed: those that have the link say the same. */
export const readlink: Part<'readlink'> = async (state, request, context) => {
  requireReadable(state);
  const answers = await ask(state, state.up, (child) => child.readlink(request, context));
  const { replies } = agreement(state, answers, ({ target }) => target);
  return mergedReply(
    state,
    replies.map(({ reply }) => reply),
  );
};

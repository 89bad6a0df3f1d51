import type { CallContext, Reply, Subvolume } from '../../../graph/index.ts';
import { transaction } from '../wind.ts';
import { mergedChange, mergedStat, repliesOfAll } from './everywhere.ts';
import type { Part } from './fops.ts';
import { below } from './plain-fd.ts';
import type { StripeState, Target } from './state.ts';

export const stat: Part<'stat'> = async (state, request, context) => {
  const { loc } = request;
  const layout = await state.layoutOf(loc, context);
  if (layout === undefined) return state.first.stat(request, context);
  const replies = await repliesOfAll(state, loc.inode, (child) => child.stat(request, context), context);
  return shown(state, mergedStat(state, layout, replies));
};

export const fstat: Part<'fstat'> = async (state, request, context) => {
  const whole = below(request);
  const { fd } = whole;
  const layout = await state.layoutOf({ inode: fd.inode, fd }, context);
  if (layout === undefined) return state.first.fstat(whole, context);
  const replies = await repliesOfAll(state, fd.inode, (child) => child.fstat(whole, context), context);
  return shown(state, mergedStat(state, layout, replies));
};

function shown<R extends Reply<'stat'>>(state: StripeState, reply: R): R {
  return reply.xdata === undefined ? reply : { ...reply, xdata: state.attributes.without(reply.xdata) };
}

export const setattr: Part<'setattr'> = (state, request, context) =>
  change(state, request.loc, context, (child, own) => child.setattr(request, own));

export const fsetattr: Part<'fsetattr'> = (state, request, context) => {
  const whole = below(request);
  const { fd } = whole;
  return change(state, { inode: fd.inode, fd }, context, (child, own) => child.fsetattr(whole, own));
};

/** Files and directories have owner, mode and times everywhere, since every brick checks them. */
async function change(
  state: StripeState,
  target: Target,
  context: CallContext,
  call: (child: Subvolume, context: CallContext) => Promise<Reply<'setattr'>>,
): Promise<Reply<'setattr'>> {
  const layout = await state.layoutOf(target, context);
  if (layout === undefined && target.inode.type !== 'directory') return call(state.first, context);
  state.requireAll();
  return transaction(context, async (own) => {
    const replies = await repliesOfAll(state, target.inode, (child) => call(child, own), own);
    return layout === undefined ? replies[0]! : mergedChange(state, layout, replies);
  });
}

import type { CallContext, Reply, Subvolume } from '../../../graph/index.ts';
import { transaction } from '../wind.ts';
import { mergedChange, repliesOfAll } from './everywhere.ts';
import type { Part } from './fops.ts';
import { localSize } from './layout.ts';
import { below } from './plain-fd.ts';
import type { StripeState, Target } from './state.ts';

/** Sets the size by path; every stripe gets its share of it. */
export const truncate: Part<'truncate'> = (state, request, context) => {
  const { loc, offset } = request;
  return cut(state, loc, offset, context, (child, local, own) =>
    child.truncate({ ...request, offset: local }, own),
  );
};

export const ftruncate: Part<'ftruncate'> = (state, request, context) => {
  const { fd, offset, xdata } = below(request);
  return cut(state, { inode: fd.inode, fd }, offset, context, (child, local, own) =>
    child.ftruncate({ fd, offset: local, xdata }, own),
  );
};

/** On all stripes, or, where one is known to be down, on none. Once begun it runs to its end. */
async function cut(
  state: StripeState,
  target: Target,
  size: number,
  context: CallContext,
  call: (child: Subvolume, local: number, context: CallContext) => Promise<Reply<'truncate'>>,
): Promise<Reply<'truncate'>> {
  const layout = await state.layoutOf(target, context);
  if (layout === undefined) return call(state.first, size, context);
  state.requireAll();
  return transaction(context, async (own) => {
    const replies = await repliesOfAll(
      state,
      target.inode,
      (child) => call(child, localSize(layout, layout.stripes.indexOf(child), size), own),
      own,
    );
    return mergedChange(state, layout, replies);
  });
}

import { GlfsError } from '../../../errors.ts';
import { changeFile, repliedSizes } from './change-file.ts';
import { resizeFragments } from './change-fragments.ts';
import type { Part } from './fops.ts';
import { lockedRange, stripesAround } from './fragment-layout.ts';
import { stripeCache } from './stripe-cache.ts';

/** FALLOC_FL_KEEP_SIZE, the only mode that there is for fragments. */
const KEEP_SIZE = 1;

/** Room for whole stripes. */
export const fallocate: Part<'fallocate'> = async (state, request, context) => {
  const { fd, offset, size, flags } = request;
  if ((flags & ~KEEP_SIZE) !== 0) {
    throw new GlfsError('EOPNOTSUPP', `fallocate with mode ${flags}`, { translator: state.name });
  }
  const { inode } = fd;
  const stripes = stripesAround(offset, size, state.stripe);
  const part = {
    offset: stripes.start / state.data,
    size: (stripes.end - stripes.start) / state.data,
  };
  return changeFile(state, { inode, fd, range: lockedRange(stripes) }, context, async (change) => {
    const { held } = change;
    const before = held.size;
    stripeCache(state, held).clear();
    const xdata = held.asking(request.xdata);
    const replies = await resizeFragments(state, change, (child) =>
      child.fallocate({ fd, flags, ...part, xdata }, change.context),
    );
    if ((flags & KEEP_SIZE) === 0) held.size = Math.max(held.size, offset + size);
    return repliedSizes(state, replies, { before, after: held.size });
  });
};

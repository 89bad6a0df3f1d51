import { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Inode, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { changeFile, repliedSizes } from './change-file.ts';
import { resizeFragments } from './change-fragments.ts';
import { byGfid } from './data-fd.ts';
import type { Part } from './fops.ts';
import { rangeFrom, roundDown, roundUp } from './fragment-layout.ts';
import type { DisperseState } from './state.ts';
import { stripeCache } from './stripe-cache.ts';
import { writeStripes } from './write-stripes.ts';

export { fallocate } from './allocation.ts';
export { discard, zerofill } from './emptying.ts';

export const truncate: Part<'truncate'> = (state, request, context) => {
  const { inode } = request.loc;
  return resize(
    state,
    {
      inode,
      size: request.offset,
      cut: (child, offset, xdata, caller) => child.truncate({ ...request, offset, xdata }, caller),
      xdata: request.xdata,
    },
    context,
  );
};

export const ftruncate: Part<'ftruncate'> = (state, request, context) => {
  const { fd } = request;
  return resize(
    state,
    {
      inode: fd.inode,
      fd,
      size: request.offset,
      cut: (child, offset, xdata, caller) => child.ftruncate({ ...request, offset, xdata }, caller),
      xdata: request.xdata,
    },
    context,
  );
};

interface Resizing {
  readonly inode: Inode;
  readonly fd?: Fd;
  /** Bytes of the file that are to be left, or to be there. */
  readonly size: number;
  readonly xdata?: Dict;
  /** Fragments get this length. */
  cut(
    child: Subvolume,
    length: number,
    xdata: Dict | undefined,
    context: CallContext,
  ): Promise<Reply<'truncate'>>;
}

/**
 * Fragments end with a whole chunk; what the last stripe has behind the end of the file is zeros, so that nothing old shows
 * when the file grows again.
 */
function resize(
  state: DisperseState,
  { inode, fd, size, xdata, cut }: Resizing,
  context: CallContext,
): Promise<Reply<'truncate'>> {
  if (inode.type === 'directory') return Promise.reject(new GlfsError('EISDIR'));
  const { stripe, data } = state;
  const range = rangeFrom(roundDown(size, stripe));
  return changeFile(state, { inode, fd, range }, context, async (change) => {
    const { held } = change;
    const before = held.size;
    stripeCache(state, held).clear();
    const setLength = (bytes: number): Promise<Reply<'truncate'>[]> =>
      resizeFragments(state, change, (child) =>
        cut(child, roundUp(bytes, stripe) / data, held.asking(xdata), change.context),
      );
    let replies = await setLength(size);
    const written = roundUp(before, stripe) / data;
    if (size > before && replies.some(({ prestat }) => prestat.size > written)) {
      // Writes that have failed since reached behind the end: it must read as zeros.
      await setLength(before);
      replies = await setLength(size);
    }
    const rest = roundUp(size, stripe) - size;
    if (size < before && rest > 0) {
      const tail = { offset: size, size: rest, data: [new Uint8Array(rest)], fileSize: size };
      await writeStripes(state, change, { fd: fd ?? byGfid(inode), ...tail });
    }
    held.size = size;
    return repliedSizes(state, replies, { before, after: size });
  });
}

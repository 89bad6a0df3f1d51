import type { CallContext, Fd, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { attributesUnder, changeFile, repliedSizes } from './change-file.ts';
import { type Change, resizeFragments } from './change-fragments.ts';
import type { Part } from './fops.ts';
import { lockedRange, type Stripes, stripesAround, stripesWithin } from './fragment-layout.ts';
import type { DisperseState } from './state.ts';
import { stripeCache } from './stripe-cache.ts';
import { writeStripes } from './write-stripes.ts';

/* Ranges that read as zeros afterwards. Zeros make fragments of zeros: whole stripes are left to the bricks, what is within one
   is written. */

interface Range {
  readonly fd: Fd;
  readonly offset: number;
  readonly size: number;
  readonly xdata?: Dict;
}

/** Does it to whole stripes of a fragment. */
type Emptying = (child: Subvolume, range: Range, context: CallContext) => Promise<Reply<'discard'>>;

/** The size stays; behind the end of the file there is nothing to be zeroed. */
export const discard: Part<'discard'> = (state, request, context) =>
  empty(state, request, context, {
    grows: false,
    call: (child, range, caller) => child.discard(range, caller),
  });

/** GlusterFS refuses it. The file grows where it ends earlier. */
export const zerofill: Part<'zerofill'> = (state, request, context) =>
  empty(state, request, context, {
    grows: true,
    call: (child, range, caller) => child.zerofill(range, caller),
  });

function empty(
  state: DisperseState,
  request: Range,
  context: CallContext,
  { grows, call }: { readonly grows: boolean; readonly call: Emptying },
): Promise<Reply<'discard'>> {
  const { fd, offset, size } = request;
  const { stripe } = state;
  const around = stripesAround(offset, size, stripe);
  return changeFile(state, { inode: fd.inode, fd, range: lockedRange(around) }, context, async (change) => {
    const { held } = change;
    const before = held.size;
    const end = offset + size;
    stripeCache(state, held).clear();
    // Of the last stripe of the file nothing is left where the range goes on behind the end.
    const last = grows && end >= before ? around.end : end;
    const inner = stripesWithin(offset, last - offset, stripe);
    const replies: Reply<'discard'>[] = [];
    if (inner.start < inner.end) replies.push(...(await wholeStripes(state, change, request, inner, call)));
    for (const edge of edgesOf({ start: offset, end: last }, inner)) {
      const to = grows ? edge.end : Math.min(edge.end, before);
      if (to <= edge.start) continue;
      const part = {
        offset: edge.start,
        size: to - edge.start,
        data: [new Uint8Array(to - edge.start)],
        fileSize: before,
      };
      const written = await writeStripes(state, change, { fd, ...part });
      if (replies.length === 0) replies.push(...written.replies);
    }
    if (grows) held.size = Math.max(held.size, end);
    if (replies.length === 0) {
      const { stat } = await attributesUnder(state, held, fd, change.context);
      replies.push({ prestat: stat, poststat: stat });
    }
    return repliedSizes(state, replies, { before, after: held.size });
  });
}

function wholeStripes(
  state: DisperseState,
  change: Change,
  { fd, xdata }: Range,
  { start, end }: Stripes,
  call: Emptying,
): Promise<Reply<'discard'>[]> {
  const { held, context } = change;
  const part = { offset: start / state.data, size: (end - start) / state.data };
  return resizeFragments(state, change, (child) =>
    call(child, { fd, ...part, xdata: held.asking(xdata) }, context),
  );
}

/** What whole stripes leave of a range: all of it where there are none. */
function edgesOf(range: Stripes, inner: Stripes): readonly Stripes[] {
  if (inner.start >= inner.end) return [range];
  return [
    { start: range.start, end: inner.start },
    { start: inner.end, end: range.end },
  ];
}

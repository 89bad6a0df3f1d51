import { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Reply, Subvolume } from '../../../graph/index.ts';
import { type Answer, combined, failures, wind } from '../wind.ts';
import type { FileLayout } from './files.ts';
import type { Part } from './fops.ts';
import { type Piece, spansOf } from './layout.ts';
import { mergeStats } from './merge.ts';
import { belowFd } from './plain-fd.ts';
import type { StripeState } from './state.ts';

/** FALLOCATE's flags, as fallocate(2) has them. */
const KEEP_SIZE = 0x01;
const PUNCH_HOLE = 0x02;
const ZERO_RANGE = 0x10;

/** Calls that one range makes at once, where its stripes are not coalesced. */
const AT_ONCE = 32;

/**
 * Gives a range its space. Flags that mean something else are passed on to it.
 * @throws GlfsError EOPNOTSUPP for flags that would shift bytes
 */
export const fallocate: Part<'fallocate'> = async (state, request, context) => {
  const { flags } = request;
  if (flags === ZERO_RANGE) return zerofill(state, request, context);
  if (flags === (KEEP_SIZE | PUNCH_HOLE)) return discard(state, request, context);
  if (flags !== 0 && flags !== KEEP_SIZE)
    throw new GlfsError('EOPNOTSUPP', `fallocate with flags ${flags}`, { translator: state.name });
  return inRange(state, request, context, (child, range) =>
    child.fallocate({ ...request, ...range }, context),
  );
};

/** Makes a range zeros; the file grows where it ends earlier. */
export const zerofill: Part<'zerofill'> = (state, request, context) =>
  inRange(state, request, context, (child, range) => child.zerofill({ ...request, ...range }, context));

/** Gives back the space of a range; the size stays. */
export const discard: Part<'discard'> = (state, request, context) =>
  inRange(state, request, context, (child, range) => child.discard({ ...request, ...range }, context));

interface Range {
  readonly fd: Fd;
  readonly offset: number;
  readonly size: number;
}

type Changed = Reply<'fallocate'>;

/** All stripes must do their part; it is the first error that is told. */
async function inRange(
  state: StripeState,
  request: Range,
  context: CallContext,
  call: (child: Subvolume, range: Range) => Promise<Changed>,
): Promise<Changed> {
  state.requireAll();
  const fd = belowFd(request.fd);
  const layout = await state.requireLayout({ inode: fd.inode, fd }, context);
  const done: { piece: Piece; answer: Answer<Changed> }[] = [];
  const waiting = spansOf(layout, request.offset, request.size);
  for (let round = take(waiting); round.length > 0; round = take(waiting)) {
    const answers = await Promise.all(
      round.map(async (piece) => {
        const { offset, size } = piece;
        const child = layout.stripes[piece.index]!;
        return { piece, answer: await wind(child, () => call(child, { fd, offset, size })) };
      }),
    );
    done.push(...answers);
    const failed = failures(answers.map(({ answer }) => answer));
    if (failed.length > 0) throw combined(failed, state.name);
  }
  return merged(layout, done);
}

function take(pieces: Iterator<Piece>): Piece[] {
  const taken: Piece[] = [];
  while (taken.length < AT_ONCE) {
    const { value, done } = pieces.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

function merged(
  layout: FileLayout,
  done: readonly { readonly piece: Piece; readonly answer: Answer<Changed> }[],
): Changed {
  const before = new Map<number, Changed['prestat']>();
  const after = new Map<number, Changed['poststat']>();
  for (const { piece, answer } of done) {
    const { prestat, poststat } = answer.reply!;
    if (!before.has(piece.index)) before.set(piece.index, prestat);
    after.set(piece.index, poststat);
  }
  const merge = (stats: ReadonlyMap<number, Changed['prestat']>) =>
    mergeStats(
      layout,
      [...stats].map(([index, stat]) => ({ index, stat })),
    );
  return { ...done[0]!.answer.reply!, prestat: merge(before), poststat: merge(after) };
}

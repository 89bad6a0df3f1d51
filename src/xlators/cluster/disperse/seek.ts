import { GlfsError } from '../../../errors.ts';
import { CHUNK } from '../../../gf8/index.ts';
import type { CallContext, Request } from '../../../graph/index.ts';
import { SeekWhat } from '../../../protocol/messages.ts';
import { wind } from '../wind.ts';
import type { Part } from './fops.ts';
import { rangeFrom, roundDown, roundUp } from './fragment-layout.ts';
import type { Held } from './lock/held.ts';
import { readOrder } from './read-policy.ts';
import type { DisperseState } from './state.ts';

/**
 * Any good fragment has data and holes where the file has them, a stripe for each of its chunks. Its file system may call more
 * of it data than was written: so it may of a whole file.
 */
export const seek: Part<'seek'> = (state, request, context) => {
  const { fd, offset, what } = request;
  const range = rangeFrom(roundDown(offset, state.stripe));
  return state.locks.run([{ inode: fd.inode, fd, range, shared: true }], context, async ([held], caller) => {
    const { size } = held!;
    if (offset >= size) throw nothingBehind(state);
    const found = (await inFragment(state, held!, request, caller)) * state.data;
    const at = Math.max(offset, found);
    if (at >= size && what === SeekWhat.DATA) throw nothingBehind(state);
    return { offset: Math.min(at, size) };
  });
};

function nothingBehind(state: DisperseState): GlfsError {
  return new GlfsError('ENXIO', 'nothing of the kind until the end of the file', { translator: state.name });
}

/** Offset in the fragment. What one subvolume fails to tell the next is asked for. */
async function inFragment(
  state: DisperseState,
  { good, inode }: Held,
  { fd, offset, what, xdata }: Request<'seek'>,
  context: CallContext,
): Promise<number> {
  const from = roundDown(offset, state.stripe) / state.data;
  let last: GlfsError | undefined;
  for (const index of readOrder(state, inode, good & state.readable & state.up)) {
    const { reply, error } = await wind(state.children[index]!, (child) =>
      child.seek({ fd, offset: from, what, xdata }, context),
    );
    if (reply !== undefined) {
      // Data begin in the chunk, a hole behind it.
      return what === SeekWhat.DATA ? roundDown(reply.offset, CHUNK) : roundUp(reply.offset, CHUNK);
    }
    if (error.code === 'ENXIO') throw error;
    last = error;
  }
  throw last ?? state.tooFew(good & state.readable & state.up);
}

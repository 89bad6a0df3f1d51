import { GlfsError, toGlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Reply } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { childSet } from '../children.ts';
import { type Agreement, agreement, groups, type PartAnswer, type PartAnswers } from './answers.ts';
import { ask, attributesOf } from './asking.ts';
import type { Stripes } from './fragment-layout.ts';
import type { Held } from './lock/held.ts';
import { readOrder } from './read-policy.ts';
import type { DisperseState } from './state.ts';

export interface FragmentRead extends Stripes {
  readonly fd: Fd;
  /** As READ's. */
  readonly flags?: number;
  readonly xdata?: Dict;
}

export interface Fragments {
  /** By position: as many as it takes, all of the length of the stripes. */
  readonly bytes: ReadonlyMap<number, Uint8Array>;
  readonly replies: readonly Reply<'read'>[];
}

/**
 * Fragments of whole stripes below the end of the file's last one, each from a good subvolume, and from another where one
 * fails. A fragment that is shorter than the file is none: what it lacks is known to nobody.
 * @throws GlfsError what enough of them agree on, EIO, ENOTCONN
 */
export async function readFragments(
  state: DisperseState,
  { good, inode }: Pick<Held, 'good' | 'inode'>,
  { fd, start, end, flags = 0, xdata }: FragmentRead,
  context: CallContext,
): Promise<Fragments> {
  const { data } = state;
  const offset = start / data;
  const size = (end - start) / data;
  const order = readOrder(state, inode, good & state.readable & state.up);
  if (order.length < data) throw state.tooFew(good & state.readable & state.up);
  const room = Buffer.allocUnsafe(end - start);
  const answers: (PartAnswer<Reply<'read'>> | undefined)[] = state.children.map(() => undefined);
  const keyOf = ({ stat }: Reply<'read'>): string => attributesOf(stat);
  const agreeing = (): number =>
    groups(answers, keyOf).find(({ error }) => error === undefined)?.replies.length ?? 0;
  // Places of fragments in `room`: who fails may still be writing into its own.
  let used = 0;
  for (let found = 0; found < data && found + order.length >= data; found = agreeing()) {
    const places = new Map<number, Uint8Array>();
    for (const index of order.splice(0, data - found)) {
      places.set(index, used < data ? room.subarray(used * size, ++used * size) : Buffer.allocUnsafe(size));
    }
    const said = await ask(state, childSet(places.keys()), async (child) => {
      const into = places.get(state.indexOf(child))!;
      const reply = await child.read({ fd, offset, size, flags, into, xdata }, context);
      if (reply.data.length < size) throw short(state, reply.data.length, size);
      return reply;
    });
    for (const index of places.keys()) answers[index] = said[index];
  }
  const { replies } = agreed(state, answers, keyOf);
  return {
    bytes: new Map(replies.map(({ index, reply }) => [index, reply.data])),
    replies: replies.map(({ reply }) => reply),
  };
}

/** An error of a read tells nothing of those that were not asked, and leaves everything as it was. */
function agreed<T>(state: DisperseState, answers: PartAnswers<T>, keyOf: (reply: T) => string): Agreement<T> {
  try {
    return agreement(state, answers, keyOf);
  } catch (thrown) {
    throw toGlfsError(thrown).with({ outcome: 'failed' });
  }
}

function short(state: DisperseState, has: number, size: number): GlfsError {
  return new GlfsError('EIO', `the fragment ends after ${has} of ${size} bytes`, { translator: state.name });
}

/** Stripes of the file. `into`, where given, is as long as they are. */
export async function readStripes(
  state: DisperseState,
  held: Pick<Held, 'good' | 'inode'>,
  read: FragmentRead,
  context: CallContext,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const { bytes } = await readFragments(state, held, read, context);
  return state.code.decode(bytes, into);
}

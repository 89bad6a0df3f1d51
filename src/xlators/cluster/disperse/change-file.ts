import { GlfsError, toGlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Reply } from '../../../graph/index.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { countOf } from '../children.ts';
import { agreement } from './answers.ts';
import { ask, attributesOf } from './asking.ts';
import type { Change } from './change-fragments.ts';
import { withholdAppend } from './data-fd.ts';
import type { Held, LockTarget } from './lock/held.ts';
import { mergedReply } from './merged-reply.ts';
import type { DisperseState } from './state.ts';
import { stripeCache } from './stripe-cache.ts';

/**
 * Runs a change of a file's data under its lock. Both counters move, as with every client.
 * @throws GlfsError what the change throws; EIO, with the outcome unknown, where it is done on fewer than `quorum-count`
 */
export async function changeFile<T>(
  state: DisperseState,
  target: Pick<LockTarget, 'inode' | 'fd' | 'range'>,
  context: CallContext,
  operation: (change: Change) => Promise<T>,
): Promise<T> {
  if (target.fd !== undefined) withholdAppend(target.fd);
  const outcome = await state.locks.run([{ ...target, changes: 'both' }], context, async ([held], caller) => {
    const change: Change = { held: held!, context: caller, good: held!.good, begun: false };
    try {
      return { result: await operation(change), error: missedQuorum(state, change) };
    } catch (thrown) {
      const error = toGlfsError(thrown);
      if (!change.begun) throw error;
      stripeCache(state, held!).clear();
      // Not thrown under the lock, where nothing would move: who has refused must be ahead of who has not.
      if (error === change.refusal) return { error };
      throw error.with({ outcome: 'unknown' });
    }
  });
  if (outcome.error !== undefined) throw outcome.error;
  return outcome.result!;
}

function missedQuorum(state: DisperseState, { good }: Change): GlfsError | undefined {
  if (state.enough(good)) return undefined;
  const taken = `${countOf(good)} of ${state.writeQuorum} fragments`;
  return new GlfsError('EIO', `${taken} have taken the change`, {
    translator: state.name,
    outcome: 'unknown',
  });
}

interface BeforeAndAfter {
  readonly prestat: Iatt;
  readonly poststat: Iatt;
}

/** One reply of all: the fragments' lengths say nothing of the file's size. */
export function repliedSizes<T extends BeforeAndAfter>(
  state: DisperseState,
  replies: readonly T[],
  { before, after }: { readonly before: number; readonly after: number },
): T {
  const merged = mergedReply(state, replies, after);
  return { ...merged, prestat: { ...merged.prestat, size: before } };
}

/** The attributes of a file under its lock, of calls that fragments are not asked for. */
export async function attributesUnder(
  state: DisperseState,
  { good, size }: Pick<Held, 'good' | 'size'>,
  fd: Fd,
  context: CallContext,
): Promise<Reply<'fstat'>> {
  const answers = await ask(state, good, (child) => child.fstat({ fd }, context));
  const { replies } = agreement(state, answers, ({ stat }) => attributesOf(stat));
  return mergedReply(
    state,
    replies.map(({ reply }) => reply),
    size,
  );
}

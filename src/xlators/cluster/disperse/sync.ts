import type { CallContext, Fd, Reply } from '../../../graph/index.ts';
import { type ChildSet, NO_CHILDREN } from '../children.ts';
import { internalDetached } from '../wind.ts';
import { agreement } from './answers.ts';
import { ask, attributesOf } from './asking.ts';
import type { Part } from './fops.ts';
import { mergedReply } from './merged-reply.ts';
import type { DisperseState } from './state.ts';

/** Counters first: what is brought to disk is brought there with them. */
export const fsync: Part<'fsync'> = async (state, request, context) => {
  const { fd, xdata } = request;
  const target = { inode: fd.inode, fd };
  const { reply, bad } = await state.locks.run([target], context, async ([held], caller) => {
    await held!.commit();
    const { good, healing } = held!;
    const sent = { ...request, xdata: held!.asking(xdata) };
    const answers = await ask(state, good | healing, (child) => child.fsync(sent, caller));
    const counted = answers.map((answer, index) => ((good & (1 << index)) === 0 ? undefined : answer));
    const agreed = agreement(state, counted, ({ poststat }) => attributesOf(poststat));
    const replies = agreed.replies.map((each) => each.reply);
    for (const { xdata: told } of replies) held!.answered(told);
    return { reply: mergedReply<Reply<'fsync'>>(state, replies, held!.size), bad: agreed.bad };
  });
  if (bad !== NO_CHILDREN) await blame(state, fd, bad, context);
  return reply;
};

/**
 * Their counters are those of the others, and may outlive a crash that their bytes don't: the others get ahead of them. With
 * GlusterFS's clients nobody would ever know.
 */
async function blame(state: DisperseState, fd: Fd, bad: ChildSet, context: CallContext): Promise<void> {
  const target = { inode: fd.inode, fd, changes: 'data' } as const;
  await state.locks.run([target], internalDetached(context), async ([held]) => {
    held!.narrow((held!.good | held!.healing) & ~bad);
  });
}

/** To all that are there: the locks that POSIX ends with a close may be anywhere. */
export const flush: Part<'flush'> = (state, request, context) =>
  committed(state, request.fd, context, async (caller) => {
    const answers = await ask(state, state.up, (child) => child.flush(request, caller));
    const { replies } = agreement(state, answers, () => '');
    return mergedReply<Reply<'flush'>>(
      state,
      replies.map(({ reply }) => reply),
    );
  });

export const fsyncdir: Part<'fsyncdir'> = (state, request, context) =>
  committed(state, request.fd, context, async (caller, good) => {
    const answers = await ask(state, good, (child) => child.fsyncdir(request, caller));
    const { replies } = agreement(state, answers, () => '');
    return mergedReply<Reply<'fsyncdir'>>(
      state,
      replies.map(({ reply }) => reply),
    );
  });

/** With the counters of all that was done before on the bricks. */
function committed<T>(
  state: DisperseState,
  fd: Fd,
  context: CallContext,
  operation: (context: CallContext, good: ChildSet) => Promise<T>,
): Promise<T> {
  const target = { inode: fd.inode, fd, query: false };
  return state.locks.run([target], context, async ([held], caller) => {
    await held!.commit();
    return operation(caller, held!.good);
  });
}

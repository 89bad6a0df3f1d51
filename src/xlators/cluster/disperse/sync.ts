import type { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Reply } from '../../../graph/index.ts';
import { gfidKey } from '../../../protocol/gfid.ts';
import { type ChildSet, NO_CHILDREN } from '../children.ts';
import { bookOf } from '../locking/lock-book.ts';
import { withLocks } from '../locking/posix-locks.ts';
import { internalDetached } from '../wind.ts';
import { agreement, type PartAnswers } from './answers.ts';
import { ask, attributesOf, only } from './asking.ts';
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
    const agreed = agreement(state, only(answers, good), ({ poststat }) => attributesOf(poststat));
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

/**
 * Counters first; the lock stays, as with other clients. Then to all that may have locks of the caller's owner, which POSIX ends
 * with a close, whatever has become of the counters.
 */
export const flush: Part<'flush'> = async (state, request, context) => {
  const { fd } = request;
  const book = bookOf(state);
  const late = await settled(state, fd);
  const concerned = book.concerns(fd);
  book.held.flushed(fd, context);
  const call = (): Promise<PartAnswers<Reply<'flush'>>> =>
    ask(state, withLocks(state, book), (child) => child.flush(request, context));
  const answers = concerned ? await book.inTurn(gfidKey(fd.inode.gfid), call) : await call();
  if (late !== undefined) throw late;
  return anyReply(state, answers);
};

export const fsyncdir: Part<'fsyncdir'> = async (state, request, context) => {
  const late = await settled(state, request.fd);
  const answers = await ask(state, state.up, (child) => child.fsyncdir(request, context));
  if (late !== undefined) throw late;
  const { replies } = agreement(state, answers, () => '');
  return mergedReply<Reply<'fsyncdir'>>(
    state,
    replies.map(({ reply }) => reply),
  );
};

/** Brings counters to the bricks; the error of a change that was acknowledged, and then could not be counted. */
async function settled(state: DisperseState, { inode }: Fd): Promise<GlfsError | undefined> {
  await state.locks.flush(inode);
  const known = state.files.known(inode.gfid);
  const late = known?.late;
  if (known !== undefined) known.late = undefined;
  return late;
}

/** A brick that does not know of the fd has nothing to flush. */
function anyReply(state: DisperseState, answers: PartAnswers<Reply<'flush'>>): Reply<'flush'> {
  const replies = answers.flatMap((answer) => answer?.reply ?? []);
  if (replies.length === 0) agreement(state, answers, () => '');
  return mergedReply<Reply<'flush'>>(state, replies);
}

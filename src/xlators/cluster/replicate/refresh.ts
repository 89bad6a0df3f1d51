import { GlfsError } from '../../../errors.ts';
import { type CallContext, type Fd, type Inode, throwIfEnded } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { internalDetached, shared, windAll } from '../wind.ts';
import { type CopyViews, judge, type Verdict, viewOf } from './accusations.ts';
import { byPosition, hasPendingHeals, isLocked, refreshQuestions, refusal, succeeded } from './asking.ts';
import type { FileState } from './file-state.ts';
import { suspect } from './heal/index.ts';
import { needsHeal } from './need-heal.ts';
import type { CopyAnswer } from './operation.ts';
import type { ReplicateState } from './state.ts';

/** How often copies are asked again when what they said has been overtaken by events. */
export const ROUNDS = 10;

/** Refreshes under way: whoever comes upon one waits for it. */
const running = new WeakMap<FileState, Promise<void>>();

/** Nothing has come or gone since the copies were asked, and nobody has wiped out what they said. */
export function isFresh(state: ReplicateState, file: FileState): boolean {
  return file.copies !== undefined && file.generation === state.generation;
}

/**
 * What is known of the file's copies, asked for again where copies have come or gone since. With `fd` copies are asked by it:
 * a file that has lost its last name can't be found otherwise.
 * @throws GlfsError what the copies say where none can be used (ENOENT, ESTALE, ENOTCONN).
 */
export async function ensureFresh(
  state: ReplicateState,
  inode: Inode,
  context: CallContext,
  fd?: Fd,
): Promise<FileState> {
  const file = state.file(inode);
  file.pins++;
  try {
    for (let round = 0; !isFresh(state, file); round++) {
      throwIfEnded(context);
      state.requireQuorum();
      if (round === ROUNDS) throw restless(state, inode);
      await shared(refresh(state, file, inode, context, fd), context);
    }
  } finally {
    file.pins--;
  }
  return file;
}

export function restless(state: ReplicateState, inode: Inode): GlfsError {
  return new GlfsError('EIO', 'copies come and go too fast to tell which are good', {
    translator: state.name,
    gfid: inode.toString(),
  });
}

function refresh(
  state: ReplicateState,
  file: FileState,
  inode: Inode,
  context: CallContext,
  fd: Fd | undefined,
): Promise<void> {
  const before = running.get(file);
  if (before !== undefined) return before;
  // Several callers wait for it: none of them may end it.
  const work = askAll(state, file, inode, internalDetached(context), fd).finally(() => running.delete(file));
  running.set(file, work);
  return work;
}

async function askAll(
  state: ReplicateState,
  file: FileState,
  inode: Inode,
  context: CallContext,
  fd: Fd | undefined,
): Promise<void> {
  const asked = state.files.asked(state.generation);
  const answers = await askCopies(state, inode, context, fd);
  if (succeeded(answers) === 0 || !state.quorum.met(succeeded(answers))) throw refusal(state, answers);
  const verdict = judgeAnswers(state, answers);
  needsHeal(
    state,
    answers.some((answer) => answer?.reply !== undefined && hasPendingHeals(answer.reply.xdata)),
  );
  if (verdict.pending) suspect(state, inode);
  file.learn(verdict, asked);
}

/** What all copies that are up say of a file: by gfid, or by an fd. */
export async function askCopies(
  state: ReplicateState,
  inode: Inode,
  context: CallContext,
  fd?: Fd,
): Promise<(CopyAnswer<'fstat'> | undefined)[]> {
  const xdata = refreshQuestions(state);
  const byFd = fd !== undefined && !fd.anonymous;
  const answers = await windAll<{ stat: Iatt; xdata?: Dict }>(state.upChildren, (child) =>
    byFd
      ? child.fstat({ fd, xdata: xdata.clone() }, context)
      : child.lookup({ loc: { inode }, flags: 0, xdata: xdata.clone() }, context),
  );
  return byPosition<'fstat'>(state, answers);
}

export function judgeAnswers(
  state: ReplicateState,
  answers: readonly (CopyAnswer<'fstat'> | undefined)[],
): Verdict {
  const views: CopyViews = answers.map((answer) =>
    answer?.reply === undefined ? undefined : viewOf(state, answer.reply.stat, answer.reply.xdata),
  );
  const busy = answers.some((answer) => isLocked(answer?.reply?.xdata, 'data'));
  return judge(views, { count: state.children.length, arbiter: state.arbiter, busy });
}

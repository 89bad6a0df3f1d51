import { GlfsError, isGlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Reply, Subvolume } from '../../../graph/index.ts';
import { type Answer, combined, failures, windAll } from '../wind.ts';
import type { FileLayout } from './files.ts';
import { mergeStats } from './merge.ts';
import type { StripeState } from './state.ts';

/**
 * Calls all subvolumes for a regular file and gives their replies, in the order of the volfile.
 * @throws GlfsError as `whyNot`
 */
export async function repliesOfAll<T>(
  state: StripeState,
  inode: Inode,
  call: (child: Subvolume) => Promise<T>,
  context: CallContext,
): Promise<T[]> {
  const answers = await windAll(state.children, call);
  const failed = failures(answers);
  if (failed.length > 0) throw await whyNot(state, inode, answers, context);
  return answers.map(({ reply }) => reply as T);
}

/** Neither the name nor the gfid is there. */
export function isGone(error: GlfsError | undefined): boolean {
  return error?.code === 'ENOENT' || error?.code === 'ESTALE';
}

/**
 * The error of a call that some subvolumes failed: that the first has no such file counts for all; a file of which only another
 * stripe is missing is damaged (EIO), unless it has just been removed, which begins at the first.
 */
export async function whyNot(
  state: StripeState,
  inode: Inode,
  answers: readonly Answer<unknown>[],
  context: CallContext,
): Promise<GlfsError> {
  const [first] = answers;
  if (first!.error !== undefined && isGone(first!.error)) return first!.error;
  const failed = failures(answers);
  if (first!.error !== undefined || failed.some(({ error }) => !isGone(error)))
    return combined(failed, state.name);
  try {
    await state.first.stat({ loc: { inode } }, context);
  } catch (error) {
    if (isGlfsError(error)) return error;
  }
  return lostStripe(state, failed[0]!.child);
}

export function lostStripe({ name }: StripeState, child: Subvolume): GlfsError {
  return new GlfsError('EIO', `the stripe of the file on ${child.name} is lost`, { translator: name });
}

type Stats = Reply<'setattr'>;

/** The replies of all subvolumes to a call that tells attributes before and after, as one. */
export function mergedChange<R extends Stats>(
  state: StripeState,
  layout: FileLayout,
  replies: readonly R[],
): R {
  const of = (which: 'prestat' | 'poststat') =>
    mergeStats(
      layout,
      replies.map((reply, at) => ({
        index: layout.stripes.indexOf(state.children[at]!),
        stat: reply[which],
      })),
    );
  return { ...replies[0]!, prestat: of('prestat'), poststat: of('poststat') };
}

/** The same of replies that tell attributes once. */
export function mergedStat<R extends { stat: Stats['prestat'] }>(
  state: StripeState,
  layout: FileLayout,
  replies: readonly R[],
): R {
  const stripes = replies.map((reply, at) => ({
    index: layout.stripes.indexOf(state.children[at]!),
    stat: reply.stat,
  }));
  return { ...replies[0]!, stat: mergeStats(layout, stripes) };
}

import type { CallContext, Fd, Inode, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { type Iatt, isRegular } from '../../../protocol/iatt.ts';
import { agreement, type PartAnswers } from './answers.ts';
import { ask, attributesOf, dissenters, majority, requireReadable } from './asking.ts';
import { suspect } from './heal/index.ts';
import { mergedReply } from './merged-reply.ts';
import { toldBy, withQuestions } from './questions.ts';
import type { DisperseState } from './state.ts';

/** A reply that tells of one file. */
export interface Told {
  readonly stat: Iatt;
  readonly xdata?: Dict;
}

/** A question about the attributes of a file, on one subvolume. */
export interface Look<T extends Told> {
  readonly inode: Inode;
  readonly fd?: Fd;
  readonly xdata?: Dict;
  call(child: Subvolume, xdata: Dict | undefined, context: CallContext): Promise<T>;
}

/**
 * What enough subvolumes say of a file without a lock; undefined where that may not be all. A size is believed while no change of
 * data is under way: whoever changes data marks as many as it takes before, and clears the marks when the size is written.
 */
export function glance<T extends Told>(state: DisperseState, answers: PartAnswers<T>): T | undefined {
  const group = majority(state, answers, stateOf);
  if (group === undefined || group.error !== undefined) return undefined;
  const replies = group.replies.map(({ reply }) => reply);
  const { stat, xdata } = replies[0]!;
  if (!isRegular(stat)) return mergedReply(state, replies);
  const { size } = toldBy(xdata);
  if (size === undefined || replies.some((reply) => toldBy(reply.xdata).dirty)) return undefined;
  state.file(stat.gfid).size = size;
  return mergedReply(state, replies, () => size);
}

/** Of a regular file all that must be the same together; of others attributes, which are changed on all at once. */
function stateOf({ stat, xdata }: Told): string {
  const attributes = attributesOf(stat);
  if (!isRegular(stat)) return attributes;
  const { version, size } = toldBy(xdata);
  return `${attributes} ${version} ${size}`;
}

/** Attributes of a file as of now: in one round where nobody is changing it, otherwise under its lock. */
export async function look<T extends Told>(
  state: DisperseState,
  wanted: Look<T>,
  context: CallContext,
): Promise<T> {
  requireReadable(state);
  const xdata = withQuestions(wanted.xdata);
  const answers = await ask(state, state.up, (child) => wanted.call(child, xdata.clone(), context));
  const group = majority(state, answers, () => 'there');
  if (group?.error !== undefined) throw group.error;
  const seen = glance(state, answers);
  if (seen === undefined) return lookUnderLock(state, wanted, context);
  if (group !== undefined && dissenters(answers, group.children) !== 0)
    suspect(state, wanted.inode, { partial: true });
  return seen;
}

/** @throws GlfsError ENOTCONN, EIO where too few are good, or say the same. */
export function lookUnderLock<T extends Told>(
  state: DisperseState,
  wanted: Look<T>,
  context: CallContext,
): Promise<T> {
  const { inode, fd } = wanted;
  return state.locks.run([{ inode, fd, shared: true }], context, async ([held], own) => {
    const answers = await ask(state, held!.good, (child) => wanted.call(child, wanted.xdata, own));
    const { replies } = agreement(state, answers, ({ stat }) => attributesOf(stat));
    return mergedReply(
      state,
      replies.map(({ reply }) => reply),
      () => held!.size,
    );
  });
}

import { GlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Reply, Request } from '../../../graph/index.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import { isDirectory, isRegular } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { type Answer, combined, failures, internal, wind, windAll } from '../wind.ts';
import { agree } from './agreement.ts';
import { isGone, lostStripe, mergedStat } from './everywhere.ts';
import type { Part } from './fops.ts';
import type { StripeState } from './state.ts';

export type LookupAnswers = readonly Answer<Reply<'lookup'>>[];

/**
 * The first subvolume says whether there is such a name, and what it is. A regular file is there only with all of its stripes; a
 * directory may do with fewer as long as the others are down, and is made where it is missing.
 * @throws GlfsError ENOTCONN where the stripe of a regular file can't be asked, EIO where it is lost
 */
export const lookup: Part<'lookup'> = async (state, request, context) => {
  const asking = withAttributes(state, request);
  let answers = await ask(state, asking, context);
  if (await disagree(state, asking, answers, context)) {
    const { parent, name, path } = request.loc;
    if (parent !== undefined && name !== undefined && name !== '') {
      answers = await agree(state, { parent, name, path }, context, () => ask(state, asking, context));
    }
  }
  return conclude(state, request, answers);
};

/** The front of a file as its first stripe has it (quick-read's request) is not asked for: it may end in the middle of the file. */
function withAttributes(state: StripeState, request: Request<'lookup'>): Request<'lookup'> {
  const xdata = state.attributes.asking(request.xdata);
  xdata.delete(keys.content);
  return { ...request, xdata };
}

function ask(state: StripeState, request: Request<'lookup'>, context: CallContext): Promise<LookupAnswers> {
  return windAll(state.children, (child) => child.lookup(request, context));
}

/** The first has it, and another says that it has not, or has another file: a call half-way, or what one that died left behind. */
async function disagree(
  state: StripeState,
  request: Request<'lookup'>,
  answers: LookupAnswers,
  context: CallContext,
): Promise<boolean> {
  const reply = answers[0]!.reply;
  if (reply === undefined || !(isRegular(reply.stat) || isDirectory(reply.stat))) return false;
  const differs = answers.some(
    ({ reply: other, error }) =>
      isGone(error) || (other !== undefined && !gfidEquals(other.stat.gfid, reply.stat.gfid)),
  );
  if (!differs) return false;
  // Whoever removes begins at the first: it may be gone by now.
  const again = await wind(state.first, (child) => child.lookup(request, internal(context)));
  if (again.error !== undefined && isGone(again.error)) throw again.error;
  return true;
}

function conclude(state: StripeState, { loc }: Request<'lookup'>, answers: LookupAnswers): Reply<'lookup'> {
  const { reply, error } = answers[0]!;
  if (error !== undefined) throw error;
  const shown = { ...reply, xdata: state.attributes.without(reply.xdata) };
  if (!isRegular(reply.stat)) return shown;
  const failed = failures(answers);
  const serious = failed.filter((each) => !isGone(each.error));
  if (serious.length > 0) throw combined(serious, state.name);
  if (failed.length > 0) throw lostStripe(state, failed[0]!.child);
  const replies = answers.map((answer) => answer.reply!);
  requireSame(state, loc.inode, answers, reply);
  const layout = state.learn(
    reply.stat.gfid,
    replies.map(({ xdata }) => xdata),
    loc.path ?? loc.name,
  );
  return { ...shown, stat: mergedStat(state, layout, replies).stat };
}

function requireSame(
  state: StripeState,
  inode: Inode,
  answers: LookupAnswers,
  { stat }: Reply<'lookup'>,
): void {
  const other = answers.find(({ reply }) => !gfidEquals(reply!.stat.gfid, stat.gfid));
  if (other === undefined) return;
  throw new GlfsError('EIO', `${other.child.name} has another file by this name than ${state.first.name}`, {
    translator: state.name,
    gfid: inode.known ? inode.toString() : undefined,
  });
}

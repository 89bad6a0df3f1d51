import { GlfsError } from '../../../errors.ts';
import { type CallContext, type Loc, type Reply, type Request, throwIfEnded } from '../../../graph/index.ts';
import { keys } from '../../../protocol/keys.ts';
import { windAll } from '../wind.ts';
import { byPosition, hasPendingHeals, lookupQuestions } from './asking.ts';
import { healName } from './heal/name.ts';
import { decide } from './lookup-reply.ts';
import { type LookupAnswers, type NamedLoc, wantsNameHeal } from './name-agreement.ts';
import { needsHeal } from './need-heal.ts';
import { isPrivateName } from './private-names.ts';
import { ROUNDS, restless } from './refresh.ts';
import type { ReplicateState } from './state.ts';

type LookupRequest = Request<'lookup'>;
type LookupReply = Reply<'lookup'>;

/**
 * Asks all copies, which also tells which of them are good. Where they differ about a name it is healed first.
 * @throws GlfsError ENOTCONN where too few have answered, EIO where copies mean different files.
 */
export async function lookup(
  state: ReplicateState,
  request: LookupRequest,
  context: CallContext,
): Promise<LookupReply> {
  const { loc } = request;
  state.requireQuorum();
  const named = isNamed(loc) ? loc : undefined;
  if (named !== undefined && isPrivateName(state, named.parent, named.name, context)) {
    throw new GlfsError('EPERM', `${named.name} belongs to the volume itself`, { translator: state.name });
  }
  for (let round = 1; ; round++) {
    const reply = await lookUp(state, request, named, context);
    if (reply !== undefined) return reply;
    throwIfEnded(context);
    if (round === ROUNDS) throw restless(state, loc.inode);
  }
}

/** Undefined where what the copies have said does not hold any more. */
async function lookUp(
  state: ReplicateState,
  request: LookupRequest,
  named: NamedLoc | undefined,
  context: CallContext,
): Promise<LookupReply | undefined> {
  let asked = state.files.asked(state.generation);
  let answers = await askAll(state, request, context);
  if (named !== undefined && (await wantsNameHeal(state, named.parent, answers, context))) {
    const gfid = request.xdata?.get(keys.gfidRequest);
    await healName(state, named.parent, named.name, answers, context, { gfid });
    asked = state.files.asked(state.generation);
    answers = await askAll(state, request, context);
  }
  return decide(state, request, named, answers, asked, context);
}

function isNamed(loc: Loc): loc is NamedLoc {
  return loc.parent !== undefined && loc.name !== undefined && loc.name !== '';
}

async function askAll(
  state: ReplicateState,
  request: LookupRequest,
  context: CallContext,
): Promise<LookupAnswers> {
  // Bricks would give it to a file without one, each on its own: that is for the heal of the name.
  const xdata = lookupQuestions(state, request.xdata);
  xdata.delete(keys.gfidRequest);
  const answers = await windAll(state.upChildren, (child) =>
    child.lookup({ ...request, xdata: xdata.clone() }, context),
  );
  const found = byPosition<'lookup'>(state, answers);
  const replies = found.flatMap((answer) => (answer?.reply === undefined ? [] : [answer.reply]));
  if (replies.length > 0)
    needsHeal(
      state,
      replies.some(({ xdata }) => hasPendingHeals(xdata)),
    );
  return found;
}

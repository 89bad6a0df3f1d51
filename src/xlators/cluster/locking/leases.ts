import { isGlfsError } from '../../../errors.ts';
import { type CallContext, detached, type Reply, type Request } from '../../../graph/index.ts';
import { LeaseCommand } from '../../../protocol/messages.ts';
import { childSet, has } from '../children.ts';
import { callMembers, requireAny, requireSuccess } from '../everywhere.ts';
import { combined, type Failure, wind, windAll } from '../wind.ts';
import type { LockedSet, LockPart } from './locked-set.ts';

/** Leases are on all members that are there; one that refuses it refuses it for all. */
export const lease: LockPart<'lease'> = async (state, request, context) => {
  if (request.lease.command === LeaseCommand.SET) return take(state, request, detached(context));
  const outcome = await callMembers<'lease'>(state, state.up, (child) => child.lease(request, context));
  if (request.lease.command === LeaseCommand.UNLOCK) return requireAny(outcome);
  return requireSuccess(state, outcome);
};

/** One member after the other, as POSIX locks are taken. */
async function take(
  state: LockedSet,
  request: Request<'lease'>,
  context: CallContext,
): Promise<Reply<'lease'>> {
  state.requireQuorum();
  const taken: { readonly index: number; readonly reply: Reply<'lease'> }[] = [];
  const failed: Failure[] = [];
  for (let index = 0; index < state.children.length; index++) {
    if (!has(state.up, index)) continue;
    const child = state.children[index]!;
    const { reply, error } = await wind(child, () => child.lease(request, context));
    if (reply !== undefined) taken.push({ index, reply });
    else failed.push({ child, error: error! });
    if (isGlfsError(error, 'EAGAIN')) break;
  }
  const refused = failed.find(({ error }) => isGlfsError(error, 'EAGAIN'));
  const set = childSet(taken.map(({ index }) => index));
  const last = taken.at(-1);
  if (refused === undefined && last !== undefined && state.enough(set)) return last.reply;
  const giveUp = { ...request, lease: { ...request.lease, command: LeaseCommand.UNLOCK } };
  await windAll(state.childrenOf(set), (child) => child.lease(giveUp, context));
  throw refused?.error ?? (failed.length > 0 ? combined(failed, state.name) : state.tooFew(set));
}

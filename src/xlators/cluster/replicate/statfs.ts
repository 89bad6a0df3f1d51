import type { Reply } from '../../../graph/index.ts';
import { callMembers, requireAny } from '../everywhere.ts';
import { requireConsistentIo } from './consistent-io.ts';
import type { Part } from './fops.ts';

/** Of the copy with the least room: what it can't take is on no quorum for long. The arbiter has no data to make room for. */
export const statfs: Part<'statfs'> = async (state, request, context) => {
  requireConsistentIo(state);
  const set = state.up & state.withData;
  if (set === 0) throw state.tooFew(state.up);
  const outcome = await callMembers<'statfs'>(state, set, (child) => child.statfs(request, context));
  requireAny(outcome);
  return outcome.replies.reduce(tighter);
};

function tighter(a: Reply<'statfs'>, b: Reply<'statfs'>): Reply<'statfs'> {
  return b.bavail < a.bavail ? b : a;
}

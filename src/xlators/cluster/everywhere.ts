import type { GlfsError } from '../../errors.ts';
import type { Reply, Subvolume } from '../../graph/index.ts';
import type { FopName } from '../../protocol/fops.ts';
import type { ChildSet } from './children.ts';
import type { MemberSet } from './member-set.ts';
import { combined, failures, successes, windAll } from './wind.ts';

/** How a call to several members went. */
export interface Outcome<K extends FopName> {
  /** The first reply, in the order of the members; undefined where all failed. */
  readonly reply: Reply<K> | undefined;
  readonly replies: readonly Reply<K>[];
  readonly succeeded: ChildSet;
  /** What to throw where too few have succeeded. */
  readonly error: GlfsError;
}

/** Calls members at once, outside of transactions: what changes nothing that a changelog would have to know of. */
export async function callMembers<K extends FopName>(
  state: MemberSet,
  set: ChildSet,
  call: (child: Subvolume) => Promise<Reply<K>>,
): Promise<Outcome<K>> {
  const answers = await windAll(state.childrenOf(set), call);
  const good = successes(answers);
  const failed = failures(answers);
  const succeeded = state.setOf(good.map(({ child }) => child));
  return {
    reply: good[0]?.reply,
    replies: good.map(({ reply }) => reply),
    succeeded,
    error: failed.length > 0 ? combined(failed, state.name) : state.tooFew(succeeded),
  };
}

/** As many members as a quorum asks for must have succeeded. @throws GlfsError what those say that failed */
export function requireSuccess<K extends FopName>(state: MemberSet, outcome: Outcome<K>): Reply<K> {
  const { reply, succeeded, error } = outcome;
  if (reply === undefined || !state.enough(succeeded)) throw error;
  return reply;
}

/** One member is enough. @throws GlfsError what those say that failed */
export function requireAny<K extends FopName>(outcome: Outcome<K>): Reply<K> {
  if (outcome.reply === undefined) throw outcome.error;
  return outcome.reply;
}

import type { CallContext, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { emptyIatt, type Iatt } from '../../../protocol/iatt.ts';
import { type FileTarget, followFile } from './migration.ts';
import type { DistributeState } from './state.ts';
import { dropInternal } from './xattr-names.ts';

type Attributes = Reply<'getxattr'>;

/** GETXATTR, and FGETXATTR, of one name (or, empty, of all). */
export interface Getter {
  get(child: Subvolume): Promise<Attributes>;
  stat(child: Subvolume): Promise<{ stat: Iatt }>;
}

/**
 * The reply bears no attributes, so they are asked for beside it: what the old place of a file that has been moved
 * says, be it that there is no such attribute, means nothing.
 */
export async function ofFile(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  getter: Getter,
): Promise<Attributes> {
  const [only] = state.children;
  if (state.children.length === 1) return visible(state, await getter.get(only!));
  interface Seen {
    got: PromiseSettledResult<Attributes>;
    stat: Iatt;
  }
  const { got } = await followFile<Seen>(state, target, context, {
    call: async (child) => {
      const [got, seen] = await Promise.allSettled([getter.get(child), getter.stat(child)]);
      if (seen.status === 'rejected') throw got.status === 'rejected' ? got.reason : seen.reason;
      return { got, stat: seen.value.stat };
    },
    statOf: ({ stat }) => stat,
  });
  if (got.status === 'rejected') throw got.reason;
  return visible(state, got.value);
}

function visible(state: DistributeState, reply: Attributes): Attributes {
  if (reply.dict === undefined) return reply;
  const dict = dropInternal(state, reply.dict.clone());
  // Of a list: the mark of a copy under way.
  if (dict.size > 1) dict.delete(state.attributes.linkto);
  return { ...reply, dict };
}

/** A reply of our own making. */
export function attributesReply(dict: Dict): Attributes {
  return { dict, prestat: emptyIatt(), poststat: emptyIatt() };
}

import type { CallContext, Fd, Subvolume } from '../../../graph/index.ts';
import { internalDetached, wind } from '../wind.ts';
import { hasLinktoMode } from './merge.ts';
import type { DistributeState } from './state.ts';

/**
 * The subvolume on which an fd is open. A file that was unlinked while it was open can't be found by its gfid, but the brick
 * still serves the fd: so an fd outlives a graph switch, after which nothing is known of where its file is.
 */
export async function holderOf(
  state: DistributeState,
  fd: Fd,
  context: CallContext,
): Promise<Subvolume | undefined> {
  if (fd.anonymous) return undefined;
  const asker = internalDetached(context);
  for (const child of state.children) {
    const { reply } = await wind(child, () => child.fstat({ fd }, asker));
    if (reply !== undefined && !hasLinktoMode(reply.stat)) return child;
  }
  return undefined;
}

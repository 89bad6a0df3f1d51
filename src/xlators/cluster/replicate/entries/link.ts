import type { CallContext, Reply, Request } from '../../../../graph/index.ts';
import type { ReplicateState } from '../state.ts';
import { runTransaction } from '../transaction/index.ts';
import { replyOf } from './copy-choice.ts';
import { targetOf } from './entry-target.ts';
import { goodFirst } from './good-first.ts';

/** One more name for a file: a change of the directory that gets it. */
export async function link(
  state: ReplicateState,
  request: Request<'link'>,
  context: CallContext,
): Promise<Reply<'link'>> {
  const target = targetOf(request.newLoc);
  return runTransaction<'link'>(
    state,
    {
      kind: 'entry',
      fop: 'link',
      locks: [target],
      marks: [target],
      wind: goodFirst(state, [target.parent], (child, own) => child.link(request, own)),
      compose: (_chosen, outcome) => {
        const { preparent, postparent } = replyOf(state, outcome, target.parent);
        return { ...replyOf(state, outcome, request.loc.inode), preparent, postparent };
      },
    },
    context,
  );
}

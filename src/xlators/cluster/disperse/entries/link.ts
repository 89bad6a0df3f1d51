import { change, namesOf } from '../change.ts';
import type { Part } from '../fops.ts';
import { mergedReply } from '../merged-reply.ts';
import { withStat } from '../stat.ts';
import { newEntry } from './make.ts';

/** One more name for a file: a change of the directory that gets it. */
export const link: Part<'link'> = async (state, request, context) => {
  const { newLoc } = request;
  const { replies } = await change(
    state,
    {
      targets: namesOf([newLoc.parent!]),
      wind: (child, own) => child.link(request, own),
      sameness: ({ stat, postparent }) => newEntry(stat, postparent),
      undo: (child, _reply, own) => child.unlink({ loc: newLoc, xflags: 0 }, own),
    },
    context,
  );
  return withStat(state, mergedReply(state, replies), context);
};

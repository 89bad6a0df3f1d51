import { isRegular } from '../../../../protocol/iatt.ts';
import { change, namesOf } from '../change.ts';
import type { Part } from '../fops.ts';
import { mergedReply } from '../merged-reply.ts';
import { statOf } from '../stat.ts';
import { newEntry } from './make.ts';

/** One more name for a file: a change of the directory that gets it. */
export const link: Part<'link'> = async (state, request, context) => {
  const { loc, newLoc } = request;
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
  const reply = mergedReply(state, replies);
  if (!isRegular(reply.stat)) return reply;
  return { ...reply, stat: await statOf(state, { inode: loc.inode }, context) };
};

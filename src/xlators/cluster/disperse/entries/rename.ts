import { attributesOf, identityOf } from '../asking.ts';
import { change, namesOf } from '../change.ts';
import type { Part } from '../fops.ts';
import { mergedReply } from '../merged-reply.ts';
import { withStat } from '../stat.ts';

/** Moves a name: a change of both directories. One that is replaced must be empty everywhere, and stay so. */
export const rename: Part<'rename'> = async (state, request, context) => {
  const { loc, newLoc } = request;
  const replaced = newLoc.inode.known && newLoc.inode.type === 'directory' ? [{ inode: newLoc.inode }] : [];
  const { replies } = await change(
    state,
    {
      targets: [...namesOf([loc.parent!, newLoc.parent!]), ...replaced],
      wind: (child, own) => child.rename(request, own),
      sameness: ({ stat, postoldparent, postnewparent }) =>
        [identityOf(stat), attributesOf(postoldparent), attributesOf(postnewparent)].join(' '),
    },
    context,
  );
  return withStat(state, mergedReply(state, replies), context);
};

import { attributesOf } from '../asking.ts';
import { change, namesOf } from '../change.ts';
import type { Part } from '../fops.ts';
import { mergedReply } from '../merged-reply.ts';

export const unlink: Part<'unlink'> = async (state, request, context) => {
  const { replies } = await change(
    state,
    {
      targets: namesOf([request.loc.parent!]),
      wind: (child, own) => child.unlink(request, own),
      sameness: ({ postparent }) => attributesOf(postparent),
    },
    context,
  );
  return mergedReply(state, replies);
};

/** Under a lock of the directory, too, which EC does not take: no subvolume gets a name while others remove it. */
export const rmdir: Part<'rmdir'> = async (state, request, context) => {
  const { inode, parent } = request.loc;
  const emptied = inode.known ? [{ inode }] : [];
  const { replies } = await change(
    state,
    {
      targets: [...namesOf([parent!]), ...emptied],
      wind: (child, own) => child.rmdir(request, own),
      sameness: ({ postparent }) => attributesOf(postparent),
    },
    context,
  );
  return mergedReply(state, replies);
};

import type { GlfsError } from '../../../errors.ts';
import type { Reply, Subvolume } from '../../../graph/index.ts';
import { isChangelog } from './asking.ts';
import type { Part } from './fops.ts';
import { readOne } from './reading.ts';
import type { ReplicateState } from './state.ts';
import { specialAttribute } from './xattr-special.ts';

/** What a good copy says of an attribute is so on all. */
const ANSWERS = ['ENODATA', 'EOPNOTSUPP', 'ERANGE', 'ENAMETOOLONG'];

function isAnswer({ code }: GlfsError): boolean {
  return ANSWERS.includes(code);
}

export const getxattr: Part<'getxattr'> = async (state, request, context) => {
  const { inode } = request.loc;
  const { name } = request;
  const special = specialAttribute(name);
  if (special !== undefined) {
    const ask = (child: Subvolume, asked: string) => child.getxattr({ ...request, name: asked }, context);
    return special(state, { inode, name, ask }, context);
  }
  const { reply } = await readOne(
    state,
    { kind: 'metadata', inode, read: (child) => child.getxattr(request, context), isAnswer },
    context,
  );
  return visible(state, reply);
};

export const fgetxattr: Part<'fgetxattr'> = async (state, request, context) => {
  const { fd, name } = request;
  const special = specialAttribute(name);
  if (special !== undefined) {
    const ask = (child: Subvolume, asked: string) => child.fgetxattr({ ...request, name: asked }, context);
    return special(state, { inode: fd.inode, name, ask }, context);
  }
  const { reply } = await readOne(
    state,
    { kind: 'metadata', inode: fd.inode, fd, read: (child) => child.fgetxattr(request, context), isAnswer },
    context,
  );
  return visible(state, reply);
};

/** Each copy has changelogs of its own: they tell nothing of the file. */
function visible(state: ReplicateState, reply: Reply<'getxattr'>): Reply<'getxattr'> {
  if (reply.dict === undefined) return reply;
  const dict = reply.dict.clone();
  for (const name of reply.dict.names()) if (isChangelog(state, name)) dict.delete(name);
  return { ...reply, dict };
}

import { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Inode, Reply, Subvolume } from '../../../graph/index.ts';
import { ask, majority, requireReadable } from './asking.ts';
import { valuesOf } from './attributes.ts';
import type { Part } from './fops.ts';
import { mergedReply } from './merged-reply.ts';
import { isPrivate, withoutPrivate } from './private-attributes.ts';
import { readGood } from './read-good.ts';
import type { DisperseState } from './state.ts';
import { specialAttribute } from './xattr-special.ts';

type Attributes = Reply<'getxattr'>;

/** GETXATTR or FGETXATTR. */
interface Wanted {
  readonly inode: Inode;
  readonly fd?: Fd;
  readonly name: string;
  ask(child: Subvolume, name: string): Promise<Attributes>;
}

export const getxattr: Part<'getxattr'> = (state, request, context) => {
  const { loc, name } = request;
  const call: Wanted['ask'] = (child, asked) => child.getxattr({ ...request, name: asked }, context);
  return attributes(state, { inode: loc.inode, name, ask: call }, context);
};

export const fgetxattr: Part<'fgetxattr'> = (state, request, context) => {
  const { fd, name } = request;
  const call: Wanted['ask'] = (child, asked) => child.fgetxattr({ ...request, name: asked }, context);
  return attributes(state, { inode: fd.inode, fd, name, ask: call }, context);
};

/** What enough say, in one round; where attributes are being changed, or some are behind, one that is good under the lock. */
async function attributes(state: DisperseState, wanted: Wanted, context: CallContext): Promise<Attributes> {
  const { name } = wanted;
  const special = specialAttribute(name);
  if (special !== undefined) return special(state, wanted, context);
  if (isPrivate(name)) throw new GlfsError('ENODATA', undefined, { translator: state.name });
  requireReadable(state);
  const call = async (child: Subvolume): Promise<Attributes> =>
    visible(await wanted.ask(child, name), context);
  const group = majority(state, await ask(state, state.up, call), ({ dict }) =>
    dict === undefined ? '' : valuesOf(dict),
  );
  if (group?.error !== undefined) throw group.error;
  if (group !== undefined) {
    return mergedReply(
      state,
      group.replies.map(({ reply }) => reply),
    );
  }
  const { reply } = await readGood(state, { ...wanted, read: call }, context);
  return reply;
}

/** Each fragment has counters of its own: they tell nothing of the file. */
function visible(reply: Attributes, context: CallContext): Attributes {
  return { ...reply, dict: withoutPrivate(reply.dict, context) ?? reply.dict };
}

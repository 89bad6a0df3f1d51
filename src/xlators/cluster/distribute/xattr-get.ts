import { GlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Reply, Request } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { FileTarget } from './migration.ts';
import { combined, type DistributeState, failures, successes, windAll } from './state.ts';
import { dropInternal, isMdsOnly } from './xattr-names.ts';
import { type Getter, ofFile } from './xattr-read.ts';
import { isVirtual, virtualAttribute } from './xattr-virtual.ts';

type Attributes = Reply<'getxattr'>;

export async function getxattr(
  state: DistributeState,
  request: Request<'getxattr'>,
  context: CallContext,
): Promise<Reply<'getxattr'>> {
  const { loc, name } = request;
  const getter: Getter = {
    get: (child) => child.getxattr(request, context),
    stat: (child) => child.stat({ loc }, context),
  };
  return read(state, loc, name, context, getter);
}

export async function fgetxattr(
  state: DistributeState,
  request: Request<'fgetxattr'>,
  context: CallContext,
): Promise<Reply<'fgetxattr'>> {
  const { fd, name } = request;
  const getter: Getter = {
    get: (child) => child.fgetxattr(request, context),
    stat: (child) => child.fstat({ fd }, context),
  };
  return read(state, { inode: fd.inode, fd }, name, context, getter);
}

async function read(
  state: DistributeState,
  target: FileTarget,
  name: string,
  context: CallContext,
  getter: Getter,
): Promise<Attributes> {
  const { layout, mds, commitHash } = state.attributes;
  if ([layout, mds, commitHash].some((key) => key.name === name))
    throw new GlfsError('EOPNOTSUPP', `${name} is GlusterFS's own`, { translator: state.name });
  if (isVirtual(name)) return virtualAttribute(state, target, name, context, getter);
  const { inode, fd } = target;
  if (!(await state.isDirectory(target, context))) return ofFile(state, { inode, fd }, context, getter);
  if (isMdsOnly(name)) {
    const first = await state.cachedChild(target, context);
    const decisive = state.mdsOf(inode);
    return decisive !== undefined && state.isUp(decisive) ? getter.get(decisive) : getter.get(first);
  }
  return ofDirectory(state, inode, getter);
}

/**
 * What any subvolume has; where they differ the metadata subvolume is right, and its answer is merged last.
 * @throws GlfsError where none has the attribute.
 */
async function ofDirectory(state: DistributeState, inode: Inode, getter: Getter): Promise<Attributes> {
  const answers = await windAll(state.children, (child) => getter.get(child));
  const good = successes(answers);
  if (good.length === 0) throw combined(failures(answers), state.name);
  const dict = new Dict();
  for (const { reply } of good) dict.merge(reply.dict);
  dict.merge(good.find(({ child }) => child === state.mdsOf(inode))?.reply.dict);
  return { ...good[0]!.reply, dict: dropInternal(state, dict) };
}

import type { CallContext, Reply, Request, Subvolume } from '../../../graph/index.ts';
import { Dict, withKey } from '../../../protocol/dict.ts';
import { emptyIatt, type Iatt, S_IFREG } from '../../../protocol/iatt.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import type { FileTarget } from './migration.ts';
import { mutateFile } from './mutation.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';
import { refuseInternal } from './xattr-names.ts';

/** XATTROP: the reply tells the mode, or the attributes; bricks of version 10 know the first. */
const modeInReply = keyKinds.int('dht-get-mode-in-xattr');
const statInReply = keyKinds.iatt(marks.iattInReply.name);

type Outcome = Reply<'xattrop'>;
type Operate = (child: Subvolume, context: CallContext, xdata: Dict | undefined) => Promise<Outcome>;
type Store = (child: Subvolume, context: CallContext, dict: Dict) => Promise<{ xdata?: Dict }>;

export async function xattrop(
  state: DistributeState,
  request: Request<'xattrop'>,
  context: CallContext,
): Promise<Reply<'xattrop'>> {
  const { loc } = request;
  const operate: Operate = (child, caller, xdata) => child.xattrop({ ...request, xdata }, caller);
  const store: Store = (child, caller, dict) =>
    child.setxattr({ loc, dict, flags: 0, xdata: new Dict().set(marks.iattInReply, 1) }, caller);
  return change(state, { inode: loc.inode }, context, request, operate, store);
}

export async function fxattrop(
  state: DistributeState,
  request: Request<'fxattrop'>,
  context: CallContext,
): Promise<Reply<'fxattrop'>> {
  const { fd } = request;
  const operate: Operate = (child, caller, xdata) => child.fxattrop({ ...request, xdata }, caller);
  const store: Store = (child, caller, dict) =>
    child.fsetxattr({ fd, dict, flags: 0, xdata: new Dict().set(marks.iattInReply, 1) }, caller);
  return change(state, { inode: fd.inode, fd }, context, request, operate, store);
}

/**
 * Arithmetic is done once, at the source; the destination of a copy is given its result, since the attribute may have
 * been copied there with the change in it already. A directory's stands on one subvolume.
 */
async function change(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  { dict, xdata }: { dict?: Dict; xdata?: Dict },
  operate: Operate,
  store: Store,
): Promise<Outcome> {
  refuseInternal(state, dict?.names() ?? []);
  if (await state.isDirectory(target, context))
    return operate(await state.cachedChild(target, context), context, xdata);
  const asking = withKey(xdata, modeInReply, 1).set(marks.iattInReply, 1);
  const give = async (
    child: Subvolume,
    caller: CallContext,
    { dict: results }: Outcome,
  ): Promise<Dict | undefined> => {
    const values = new Dict([...(results ?? [])].filter(([name]) => dict?.has(name)));
    return values.size === 0 ? undefined : (await store(child, caller, values)).xdata;
  };
  return mutateFile<Outcome>(state, target, context, {
    call: async (child, caller, earlier) => {
      if (earlier === undefined) return operate(child, caller, asking);
      return { ...earlier, xdata: await give(child, caller, earlier) };
    },
    statOf: (reply) => seenIn(reply.xdata),
    mirror: async (destination, root, reply) => seenIn(await give(destination, root, reply)),
  });
}

function seenIn(xdata: Dict | undefined): Iatt | undefined {
  const mode = xdata?.get(modeInReply);
  if (mode === undefined) return xdata?.get(statInReply);
  return { ...emptyIatt(), mode: (mode & ~0o170000) | S_IFREG };
}

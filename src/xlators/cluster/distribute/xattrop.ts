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

export async function xattrop(
  state: DistributeState,
  request: Request<'xattrop'>,
  context: CallContext,
): Promise<Reply<'xattrop'>> {
  const { loc } = request;
  const operate: Operate = (child, caller, xdata) => child.xattrop({ ...request, xdata }, caller);
  return change(state, { inode: loc.inode }, context, request, operate);
}

export async function fxattrop(
  state: DistributeState,
  request: Request<'fxattrop'>,
  context: CallContext,
): Promise<Reply<'fxattrop'>> {
  const { fd } = request;
  const operate: Operate = (child, caller, xdata) => child.fxattrop({ ...request, xdata }, caller);
  return change(state, { inode: fd.inode, fd }, context, request, operate);
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
): Promise<Outcome> {
  refuseInternal(state, dict?.names() ?? []);
  if (await state.isDirectory(target, context))
    return operate(await state.cachedChild(target, context), context, xdata);
  const asking = withKey(xdata, modeInReply, 1).set(marks.iattInReply, 1);
  const { inode } = target;
  const give = async (
    child: Subvolume,
    caller: CallContext,
    { dict: found }: Outcome,
  ): Promise<Dict | undefined> => {
    const results = new Dict([...(found ?? [])].filter(([name]) => dict?.has(name)));
    if (results.size === 0) return undefined;
    const asking = new Dict().set(marks.iattInReply, 1);
    return (await child.setxattr({ loc: { inode }, dict: results, flags: 0, xdata: asking }, caller)).xdata;
  };
  return mutateFile<Outcome>(state, target, context, {
    call: async (child, caller, earlier) => {
      if (earlier === undefined) return operate(child, caller, asking);
      return { ...earlier, xdata: await give(child, caller, earlier) };
    },
    statOf: (reply) => seenIn(reply.xdata),
    mirror: async (destination, root, _anonymous, reply) => seenIn(await give(destination, root, reply)),
  });
}

function seenIn(xdata: Dict | undefined): Iatt | undefined {
  const mode = xdata?.get(modeInReply);
  if (mode === undefined) return xdata?.get(statInReply);
  return { ...emptyIatt(), mode: (mode & ~0o170000) | S_IFREG };
}

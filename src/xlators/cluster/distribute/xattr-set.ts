import { isGlfsError } from '../../../errors.ts';
import {
  type CallContext,
  detached,
  type Fd,
  type Reply,
  type Request,
  type Subvolume,
} from '../../../graph/index.ts';
import { Dict, withKey } from '../../../protocol/dict.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import { XattropFlag } from '../../../protocol/messages.ts';
import type { FileTarget } from './migration.ts';
import { mutateFile } from './mutation.ts';
import { marks } from './names.ts';
import {
  combined,
  type DistributeState,
  failures,
  internalDetached,
  successes,
  wind,
  windAll,
} from './state.ts';
import { isHealed, refuseInternal } from './xattr-names.ts';

type Changed = { xdata?: Dict };

/**
 * SETXATTR and its like: the same fop, by path or by fd. To be repeated on the destination of a copy it is given an fd in
 * place of its own; whether the attribute may exist has been decided then.
 */
type Change = (
  child: Subvolume,
  context: CallContext,
  xdata: Dict | undefined,
  repeatOn?: Fd,
) => Promise<Changed>;

const statInReply = keyKinds.iatt(marks.iattInReply.name);

export async function setxattr(
  state: DistributeState,
  request: Request<'setxattr'>,
  context: CallContext,
): Promise<Reply<'setxattr'>> {
  const { loc, dict, xdata } = request;
  const change: Change = (child, caller, data, repeatOn) =>
    child.setxattr({ ...request, xdata: data, flags: repeatOn === undefined ? request.flags : 0 }, caller);
  return apply(state, loc, context, namesOf(dict), xdata, change);
}

export async function fsetxattr(
  state: DistributeState,
  request: Request<'fsetxattr'>,
  context: CallContext,
): Promise<Reply<'fsetxattr'>> {
  const { fd, dict, xdata } = request;
  const change: Change = (child, caller, data, repeatOn) => {
    const flags = repeatOn === undefined ? request.flags : 0;
    return child.fsetxattr({ ...request, fd: repeatOn ?? fd, flags, xdata: data }, caller);
  };
  return apply(state, { inode: fd.inode, fd }, context, namesOf(dict), xdata, change);
}

export async function removexattr(
  state: DistributeState,
  request: Request<'removexattr'>,
  context: CallContext,
): Promise<Reply<'removexattr'>> {
  const { loc, name, xdata } = request;
  const change: Change = (child, caller, data) => child.removexattr({ ...request, xdata: data }, caller);
  return apply(state, loc, context, [name], xdata, change);
}

export async function fremovexattr(
  state: DistributeState,
  request: Request<'fremovexattr'>,
  context: CallContext,
): Promise<Reply<'fremovexattr'>> {
  const { fd, name, xdata } = request;
  const change: Change = (child, caller, data, repeatOn) =>
    child.fremovexattr({ ...request, fd: repeatOn ?? fd, xdata: data }, caller);
  return apply(state, { inode: fd.inode, fd }, context, [name], xdata, change);
}

function namesOf(dict: Dict | undefined): string[] {
  return [...(dict?.names() ?? [])];
}

async function apply(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  names: readonly string[],
  xdata: Dict | undefined,
  change: Change,
): Promise<Changed> {
  refuseInternal(state, names);
  // A loc has more than an inode; a file is reached by its gfid.
  const { inode, fd } = target;
  if (!(await state.isDirectory(target, context)))
    return onFile(state, { inode, fd }, context, xdata, change);
  if (state.children.length > 1 && names.some(isHealed))
    return onMarkedDirectory(state, { inode, fd }, context, xdata, change);
  return onDirectory(state, context, xdata, change);
}

/** The reply tells the attributes only where they are asked for, and the state of a migration is read from them. */
async function onFile(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  xdata: Dict | undefined,
  change: Change,
): Promise<Changed> {
  const asking = withKey(xdata, marks.iattInReply, 1);
  const statOf = (reply: Changed): Iatt | undefined => reply.xdata?.get(statInReply);
  return mutateFile<Changed>(state, target, context, {
    call: (child, caller) => change(child, caller, asking),
    statOf,
    mirror: async (destination, root, anonymous) => {
      try {
        return statOf(await change(destination, root, asking, anonymous));
      } catch (error) {
        // Removed before it was copied.
        if (isGlfsError(error, 'ENODATA')) return undefined;
        throw error;
      }
    },
  });
}

/** Attributes that distribute doesn't heal: wherever they can be set. */
async function onDirectory(
  state: DistributeState,
  context: CallContext,
  xdata: Dict | undefined,
  change: Change,
): Promise<Changed> {
  const answers = await windAll(state.children, (child) => change(child, context, xdata));
  const [first] = successes(answers);
  if (first === undefined) throw combined(failures(answers), state.name);
  return first.reply;
}

/**
 * The metadata subvolume counts the changes that others may not have got yet: -1 before, +1 when all have it. What stays
 * negative is healed from there at a lookup, by whoever makes it.
 * @throws GlfsError ENOTCONN where it is down, and what it refuses the change with.
 */
async function onMarkedDirectory(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  xdata: Dict | undefined,
  change: Change,
): Promise<Changed> {
  await state.cachedChild(target, context);
  const mds = state.mdsOf(target.inode);
  if (mds === undefined) return onDirectory(state, context, xdata, change);
  if (!state.isUp(mds)) throw state.downError(mds);
  const finishing = internalDetached(context);
  await count(state, mds, target, -1, finishing);
  let reply: Changed;
  try {
    reply = await change(mds, context, xdata);
  } catch (error) {
    // Nobody has it: nothing to heal. Where that is not sure, the mark stays.
    if (!isGlfsError(error) || error.outcome === 'failed') {
      await wind(mds, () => count(state, mds, target, 1, finishing));
    }
    throw error;
  }
  const others = state.children.filter((child) => child !== mds);
  const rest = await windAll(others, (child) => change(child, detached(context), xdata));
  if (failures(rest).length === 0) await wind(mds, () => count(state, mds, target, 1, finishing));
  return reply;
}

async function count(
  state: DistributeState,
  mds: Subvolume,
  { inode, fd }: FileTarget,
  by: number,
  context: CallContext,
): Promise<void> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, by);
  const dict = new Dict().set(state.attributes.mds, bytes);
  const operation = XattropFlag.ADD_ARRAY;
  if (fd === undefined) await mds.xattrop({ loc: { inode }, operation, dict }, context);
  else await mds.fxattrop({ fd, operation, dict }, context);
}

import type { CallContext, Reply, Request, Subvolume } from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import { LockCommand, LockType } from '../../../protocol/messages.ts';
import { lock, lockEntry } from './lock-place.ts';
import { followFile } from './migration.ts';
import { combined, type DistributeState, failures, successes, windAll } from './state.ts';

export async function lk(
  state: DistributeState,
  request: Request<'lk'>,
  context: CallContext,
): Promise<Reply<'lk'>> {
  const { fd, command, flock } = request;
  const type = LockType.UNLOCK;
  return lock(state, { inode: fd.inode, fd }, context, {
    command,
    type: request.type,
    call: (child, caller) => child.lk(request, caller),
    undo: (child, caller) =>
      child.lk({ ...request, command: LockCommand.SET, type, flock: { ...flock, type } }, caller),
  });
}

export async function inodelk(
  state: DistributeState,
  request: Request<'inodelk'>,
  context: CallContext,
): Promise<Reply<'inodelk'>> {
  const { loc, command, flock } = request;
  const type = LockType.UNLOCK;
  return lock(state, loc, context, {
    command,
    type: request.type,
    call: (child, caller) => child.inodelk(request, caller),
    undo: (child, caller) =>
      child.inodelk({ ...request, command: LockCommand.SET, type, flock: { ...flock, type } }, caller),
  });
}

export async function finodelk(
  state: DistributeState,
  request: Request<'finodelk'>,
  context: CallContext,
): Promise<Reply<'finodelk'>> {
  const { fd, command, flock } = request;
  const type = LockType.UNLOCK;
  return lock(state, { inode: fd.inode, fd }, context, {
    command,
    type: request.type,
    call: (child, caller) => child.finodelk(request, caller),
    undo: (child, caller) =>
      child.finodelk({ ...request, command: LockCommand.SET, type, flock: { ...flock, type } }, caller),
  });
}

export async function entrylk(
  state: DistributeState,
  request: Request<'entrylk'>,
  context: CallContext,
): Promise<Reply<'entrylk'>> {
  const { loc, command } = request;
  return lockEntry(state, loc, context, command, (child, caller) => child.entrylk(request, caller));
}

export async function fentrylk(
  state: DistributeState,
  request: Request<'fentrylk'>,
  context: CallContext,
): Promise<Reply<'fentrylk'>> {
  const { fd, command } = request;
  return lockEntry(state, { inode: fd.inode, fd }, context, command, (child, caller) =>
    child.fentrylk(request, caller),
  );
}

export async function lease(
  state: DistributeState,
  request: Request<'lease'>,
  context: CallContext,
): Promise<Reply<'lease'>> {
  const call = (child: Subvolume): Promise<Reply<'lease'>> => child.lease(request, context);
  return followFile(state, { inode: request.loc.inode }, context, { call });
}

export async function setactivelk(
  state: DistributeState,
  request: Request<'setactivelk'>,
  context: CallContext,
): Promise<Reply<'setactivelk'>> {
  const call = (child: Subvolume): Promise<Reply<'setactivelk'>> => child.setactivelk(request, context);
  return followFile(state, { inode: request.loc.inode }, context, { call });
}

/** GF_IPC_TARGET_UPCALL: registers what changes of attributes shall be told of; every brick must know. */
const IPC_UPCALL = 2;

export async function ipc(
  state: DistributeState,
  request: Request<'ipc'>,
  context: CallContext,
): Promise<Reply<'ipc'>> {
  if (request.operation !== IPC_UPCALL) return state.children[0]!.ipc(request, context);
  const xdata = withKey(request.xdata, keyKinds.int(state.attributes.layout.name), 0);
  const answers = await windAll(state.children, (child) => child.ipc({ ...request, xdata }, context));
  const serious = failures(answers).filter(({ error }) => error.code !== 'ENOTCONN');
  const [first] = successes(answers);
  if (first === undefined && serious.length > 0) throw combined(serious, state.name);
  return first?.reply ?? {};
}

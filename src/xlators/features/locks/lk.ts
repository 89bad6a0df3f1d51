import { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Reply, Request } from '../../../graph/index.ts';
import { keys } from '../../../protocol/keys.ts';
import { type Flock, LockCommand, LockType } from '../../../protocol/messages.ts';
import { copyBytes } from '../../../xdr/index.ts';
import type { FileLocks } from './file-locks.ts';
import { lockOwnerOf, ownerOf } from './owner.ts';
import { lengthOf, posixRangeOf } from './range.ts';
import type { Segment } from './segments.ts';

/** What an `lk` asks for. @throws GlfsError EINVAL, EOPNOTSUPP for reservations, which nobody sends any more. */
export function parseLk(
  { command, type, flock, fd, xdata }: Request<'lk'>,
  context: CallContext,
): { segment: Segment; command: number } {
  const range = posixRangeOf(flock);
  const owner = lockOwnerOf(context);
  if (command > LockCommand.SET_WAIT) throw new GlfsError('EOPNOTSUPP', `command ${command} of lk`);
  if (type > LockType.UNLOCK) throw new GlfsError('EINVAL', `type ${type} of lk`);
  const mode = xdata?.get(keys.lockMode) ?? 0;
  const clientId = context.client?.id ?? '';
  return { segment: { ...range, owner, type, mode, pid: flock.pid, fd, clientId }, command };
}

export async function lk(
  file: FileLocks,
  request: Request<'lk'>,
  { segment, command }: ReturnType<typeof parseLk>,
  context: CallContext,
): Promise<Reply<'lk'>> {
  const { fd, flock } = request;
  if (command === LockCommand.GET) {
    const blocker = file.posix.blockerOf(segment) ?? { ...segment, type: LockType.UNLOCK };
    return { flock: { ...flock, ...flockOf(blocker) } };
  }
  const waited = await file.posix.set(segment, command === LockCommand.SET_WAIT, context);
  const { type } = segment;
  const granted = flockOf(segment);
  if (waited) return { flock: granted };
  // NLM wants to know when an fd has given back its last lock: an unlock that leaves others is answered as a read lock.
  const left = type === LockType.UNLOCK && file.posix.hasLocksOf(fd) ? LockType.READ : type;
  const { start, length } = granted;
  return { flock: { ...flock, start, length, type: left } };
}

function flockOf(segment: Segment): Flock {
  const { type, start, pid, owner } = segment;
  return { type, whence: 0, start, length: lengthOf(segment), pid, owner: owner.bytes };
}

/** GETACTIVELK: a rebalance takes a file's granted locks along. */
export function activeLocks(file: FileLocks | undefined): Reply<'getactivelk'> {
  const locks = (file?.posix.held ?? []).map((segment) => ({
    flock: flockOf(segment),
    client: segment.clientId,
    flags: segment.mode,
  }));
  return { locks };
}

/** SETACTIVELK: the locks of a file that came here. @throws GlfsError EINVAL where it has locks already, or none are given. */
export function setActiveLocks(
  file: FileLocks,
  { locks }: Request<'setactivelk'>,
  context: CallContext,
): void {
  if (!file.posix.idle || locks.length === 0) {
    throw new GlfsError('EINVAL', 'locks can be brought to a file that has none, and some must be brought');
  }
  file.posix.held = locks.map(({ flock, client, flags }) => ({
    ...posixRangeOf(flock),
    owner: ownerOf({ ...context, lkOwner: flock.owner, pid: flock.pid }),
    type: flock.type,
    mode: flags,
    pid: flock.pid,
    fd: undefined,
    clientId: client,
  }));
}

/** The locks of an fd of another connection go on under `fd`, for the caller. */
export function moveLocks(file: FileLocks, from: Fd, fd: Fd, context: CallContext): void {
  const clientId = context.client?.id ?? '';
  file.posix.move(from, fd, (segment) => {
    const lkOwner = copyBytes(segment.owner.bytes);
    return { ...segment, clientId, owner: ownerOf({ ...context, lkOwner, pid: segment.owner.pid }) };
  });
}

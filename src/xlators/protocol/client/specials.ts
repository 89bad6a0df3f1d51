import { GlfsError } from '../../../errors.ts';
import type { CallContext } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { type Flock, LockCommand, LockType, OpenFlag } from '../../../protocol/messages.ts';
import { heldLock } from '../../held-locks.ts';
import type { SharedBrick } from './shared-brick.ts';
import { type AnyRequest, toDirectoryEntries } from './wire.ts';

type AnyReply = Record<string, unknown>;
type Special = (
  brick: SharedBrick,
  request: AnyRequest,
  context: CallContext,
  fop: FopName,
) => Promise<AnyReply>;

/** OPEN, OPENDIR, CREATE: the number that the brick gave stays here. */
const opening: Special = async (brick, request, context, fop) => {
  const { remoteFd: _number, ...reply } = await brick.invoke(fop, request, context, (link, answer) => {
    const before = brick.fds.opened(request.fd!, link, answer.remoteFd as bigint);
    if (before !== undefined) brick.releaseLater(before, request.fd!, context);
  });
  return reply;
};

/** RELEASE goes out when no call uses the number any more: numbers are used again, and a late call would hit another file. */
const releasing: Special = async (brick, request, context, fop) => {
  const fd = request.fd!;
  brick.locks.released(fd);
  const remote = await brick.fds.take(fd);
  if (remote === undefined || remote.link !== brick.session.current) return {};
  // An abandoned call still has the number: the caller need not wait for its end.
  if (remote.outstanding === 0) return brick.release(remote, fop, fd, context);
  brick.releaseLater(remote, fd, context);
  return {};
};

const lk: Special = async (brick, request, context, fop) => {
  const flock: Flock = {
    ...(request.flock as Flock),
    type: request.type as number,
    pid: context.pid >>> 0,
    owner: context.lkOwner,
  };
  const sets = request.command !== LockCommand.GET;
  const lock = heldLock({ ...request, type: flock.type, flock }, context);
  // Forgotten first: a reconnect in between must not take again what is being given up.
  if (sets && flock.type === LockType.UNLOCK) brick.locks.granted(request.fd!, lock);
  const reply = await brick.invoke(fop, { ...request, flock }, context);
  if (sets && flock.type !== LockType.UNLOCK) brick.keepLock(request.fd!, lock);
  return reply;
};

const flush: Special = async (brick, request, context, fop) => {
  brick.locks.flushed(request.fd!, context);
  return brick.invoke(fop, request, context);
};

const listing: Special = async (brick, request, context, fop) => {
  const reply = await brick.invoke(fop, request, context);
  return { ...reply, entries: toDirectoryEntries(reply.entries as Parameters<typeof toDirectoryEntries>[0]) };
};

const write: Special = (brick, request, context, fop) => {
  let length = 0;
  for (const part of request.data as readonly Uint8Array[]) length += part.length;
  if (length !== request.size) {
    return Promise.reject(
      new GlfsError('EINVAL', `WRITE of ${String(request.size)} bytes with ${length} bytes of data`),
    );
  }
  return brick.invoke(fop, request, context);
};

/** Stock bricks up to 11 crash on SETACTIVELK: it is refused here rather than taking a server down. */
const setactivelk: Special = (brick, request, _context, fop) =>
  Promise.reject(
    new GlfsError('EOPNOTSUPP', 'GlusterFS bricks crash on setactivelk', brick.details(fop, request)),
  );

/** Fops that need more than a call. */
export const specials: Partial<Record<FopName, Special>> = {
  open: opening,
  opendir: opening,
  create: opening,
  release: releasing,
  releasedir: releasing,
  lk,
  flush,
  readdir: listing,
  readdirp: listing,
  write,
  setactivelk,
};

/** O_DIRECT is for the brick's own alignment; `filter-O_DIRECT` takes it out. */
export function withoutDirect(request: AnyRequest): AnyRequest {
  return { ...request, flags: (request.flags as number) & ~OpenFlag.DIRECT };
}

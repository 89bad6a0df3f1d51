import { GlfsError } from '../../../errors.ts';
import { type CallContext, Fd, type Reply, type Request, type Subvolume } from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { withoutMigrationBits } from './merge.ts';
import type { FileTarget } from './migration.ts';
import { type Mutation, mutateFile, protect, protectWrites } from './mutation.ts';
import type { DistributeState } from './state.ts';

/* Calls that change a file's data. What they do at the source of a copy under way is done at its destination too. */

interface PreAndPost {
  prestat: Iatt;
  poststat: Iatt;
}

const postOf = (reply: PreAndPost): Iatt => reply.poststat;

/** A reply with attributes as users see them: the source's, which has the true size while the file is being copied. */
export function cleanedBoth<R extends PreAndPost>(reply: R): R {
  const prestat = withoutMigrationBits(reply.prestat);
  const poststat = withoutMigrationBits(reply.poststat);
  if (prestat === reply.prestat && poststat === reply.poststat) return reply;
  return { ...reply, prestat, poststat };
}

/** WRITE: prestat, write and poststat are one step at the brick, so that prestat tells where an append went. */
const updateAtomic = keyKinds.uint('glusterfs.write-update-atomic');

export async function write(
  state: DistributeState,
  request: Request<'write'>,
  context: CallContext,
): Promise<Reply<'write'>> {
  const { fd } = request;
  const appends = (fd.flags & OpenFlag.APPEND) !== 0;
  const first: Request<'write'> = appends
    ? { ...request, xdata: withKey(request.xdata, updateAtomic, 4) }
    : request;
  const mutation: Mutation<Reply<'write'>> = {
    call: (child, caller, earlier) => {
      if (earlier === undefined || !appends) return child.write(first, caller);
      const fd = new Fd(request.fd.inode, OpenFlag.RDWR, true);
      return child.write(cut({ ...request, fd, offset: earlier.prestat.size }, 0, earlier.count), caller);
    },
    statOf: postOf,
    mirror: (destination, root, fd, reply) => {
      // An append goes where it went the first time, however long the file is there.
      const offset = appends ? reply.prestat.size : request.offset;
      const xdata = withKey(request.xdata, protectWrites, 1);
      return writeAll(destination, { ...request, fd, offset, xdata }, reply.count ?? request.size, root);
    },
  };
  return cleanedBoth(await mutateFile(state, { inode: fd.inode, fd }, context, mutation));
}

/** The destination must get every byte that the source took, in as many pieces as it likes. */
async function writeAll(
  destination: Subvolume,
  request: Request<'write'>,
  size: number,
  context: CallContext,
): Promise<Iatt> {
  for (let done = 0; ; ) {
    const piece = cut(request, done, size);
    const { count = piece.size, poststat } = await destination.write(piece, context);
    done += count;
    if (done >= size) return poststat;
    if (count === 0) throw new GlfsError('ENOSPC', undefined, { translator: destination.name });
  }
}

/** The part of a write from byte `start` to `end` of its data. */
function cut(request: Request<'write'>, start: number, end = request.size): Request<'write'> {
  if (start === 0 && end === request.size) return request;
  const data: Uint8Array[] = [];
  let at = 0;
  for (const bytes of request.data) {
    const part = bytes.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (part.length > 0) data.push(part);
    at += bytes.length;
  }
  return { ...request, offset: request.offset + start, size: end - start, data };
}

export async function truncate(
  state: DistributeState,
  request: Request<'truncate'>,
  context: CallContext,
): Promise<Reply<'truncate'>> {
  const call: Change<Reply<'truncate'>> = (child, caller) => child.truncate(request, caller);
  return change(state, { inode: request.loc.inode }, context, call);
}

export async function ftruncate(
  state: DistributeState,
  request: Request<'ftruncate'>,
  context: CallContext,
): Promise<Reply<'ftruncate'>> {
  const call: Change<Reply<'ftruncate'>> = (child, caller, fd = request.fd) =>
    child.ftruncate({ ...request, fd }, caller);
  return change(state, openTarget(request.fd), context, call);
}

export async function fallocate(
  state: DistributeState,
  request: Request<'fallocate'>,
  context: CallContext,
): Promise<Reply<'fallocate'>> {
  const call: Change<Reply<'fallocate'>> = (child, caller, fd = request.fd) =>
    child.fallocate({ ...request, fd }, caller);
  return change(state, openTarget(request.fd), context, call);
}

export async function discard(
  state: DistributeState,
  request: Request<'discard'>,
  context: CallContext,
): Promise<Reply<'discard'>> {
  const call: Change<Reply<'discard'>> = (child, caller, fd = request.fd) =>
    child.discard({ ...request, fd }, caller);
  return change(state, openTarget(request.fd), context, call);
}

export async function zerofill(
  state: DistributeState,
  request: Request<'zerofill'>,
  context: CallContext,
): Promise<Reply<'zerofill'>> {
  const call: Change<Reply<'zerofill'>> = (child, caller, fd = request.fd) =>
    child.zerofill({ ...request, fd }, caller);
  return change(state, openTarget(request.fd), context, call);
}

function openTarget(fd: Fd): FileTarget {
  return { inode: fd.inode, fd };
}

/** One that may be made twice; by the fd given, or the request's own. */
type Change<R> = (child: Subvolume, context: CallContext, fd?: Fd) => Promise<R>;

/**
 * Bricks guard the destination of a copy on WRITE alone, so the guard is put up before: the copying process could
 * otherwise write what it read before a truncate behind the new end.
 */
async function change<R extends PreAndPost>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  call: Change<R>,
): Promise<R> {
  const reply = await mutateFile<R>(state, target, context, {
    call: (child, caller) => call(child, caller),
    statOf: postOf,
    mirror: async (destination, root, anonymous) => {
      await protect(destination, target.inode, root);
      return (await call(destination, root, anonymous)).poststat;
    },
  });
  return cleanedBoth(reply);
}

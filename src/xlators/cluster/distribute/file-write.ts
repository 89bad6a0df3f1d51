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
    call: (child, caller, earlier) =>
      child.write(earlier === undefined ? first : placed(request, appends, earlier), caller),
    statOf: postOf,
    mirror: async (destination, root, reply) => {
      const repeated = placed(request, appends, reply);
      const xdata = withKey(repeated.xdata, protectWrites, 1);
      return (await destination.write({ ...repeated, xdata }, root)).poststat;
    },
  };
  return cleanedBoth(await mutateFile(state, { inode: fd.inode, fd }, context, mutation));
}

/**
 * The write as it must be repeated elsewhere: one that appended goes to where it went the first time, by a descriptor
 * that doesn't append, however long the file is there.
 */
function placed(request: Request<'write'>, appended: boolean, { prestat }: Reply<'write'>): Request<'write'> {
  if (!appended) return request;
  const fd = new Fd(request.fd.inode, OpenFlag.RDWR, true);
  return { ...request, fd, offset: prestat.size };
}

export async function truncate(
  state: DistributeState,
  request: Request<'truncate'>,
  context: CallContext,
): Promise<Reply<'truncate'>> {
  const target = { inode: request.loc.inode };
  return change(state, target, context, (child, caller) => child.truncate(request, caller));
}

export async function ftruncate(
  state: DistributeState,
  request: Request<'ftruncate'>,
  context: CallContext,
): Promise<Reply<'ftruncate'>> {
  const { fd } = request;
  return change(state, { inode: fd.inode, fd }, context, (child, caller) => child.ftruncate(request, caller));
}

export async function fallocate(
  state: DistributeState,
  request: Request<'fallocate'>,
  context: CallContext,
): Promise<Reply<'fallocate'>> {
  const { fd } = request;
  return change(state, { inode: fd.inode, fd }, context, (child, caller) => child.fallocate(request, caller));
}

export async function discard(
  state: DistributeState,
  request: Request<'discard'>,
  context: CallContext,
): Promise<Reply<'discard'>> {
  const { fd } = request;
  return change(state, { inode: fd.inode, fd }, context, (child, caller) => child.discard(request, caller));
}

export async function zerofill(
  state: DistributeState,
  request: Request<'zerofill'>,
  context: CallContext,
): Promise<Reply<'zerofill'>> {
  const { fd } = request;
  return change(state, { inode: fd.inode, fd }, context, (child, caller) => child.zerofill(request, caller));
}

/**
 * A change that may be made twice. Bricks guard the destination of a copy on WRITE alone, so the guard is put up before:
 * the copying process could otherwise write what it read before a truncate behind the new end.
 */
async function change<R extends PreAndPost>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  call: (child: Subvolume, context: CallContext) => Promise<R>,
): Promise<R> {
  const reply = await mutateFile<R>(state, target, context, {
    call,
    statOf: postOf,
    mirror: async (destination, root) => {
      await protect(destination, target, root);
      return (await call(destination, root)).poststat;
    },
  });
  return cleanedBoth(reply);
}

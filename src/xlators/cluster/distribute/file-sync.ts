import { toGlfsError } from '../../../errors.ts';
import { type CallContext, detached, type Reply, type Request } from '../../../graph/index.ts';
import { targetOf } from './file-read.ts';
import { cleanedBoth } from './file-write.ts';
import { followFile, isGone, pointerOn } from './migration.ts';
import { mutateFile } from './mutation.ts';
import { combined, type DistributeState, failures, successes, windAll } from './state.ts';

/* What ends or secures a file's changes. */

/** Both ends of a copy under way are synced: either may be the file by the time that it is needed. */
export async function fsync(
  state: DistributeState,
  request: Request<'fsync'>,
  context: CallContext,
): Promise<Reply<'fsync'>> {
  const reply = await mutateFile(state, targetOf(request.fd), context, {
    call: (child, caller) => child.fsync(request, caller),
    statOf: ({ poststat }) => poststat,
    mirror: async (destination, root, fd) => (await destination.fsync({ ...request, fd }, root)).poststat,
  });
  return cleanedBoth(reply);
}

/** EREMOTE: the locks that a FLUSH drops have been moved along with the file. */
export async function flush(
  state: DistributeState,
  request: Request<'flush'>,
  context: CallContext,
): Promise<Reply<'flush'>> {
  const target = targetOf(request.fd);
  return followFile(state, target, context, {
    call: async (child) => {
      try {
        return await child.flush(request, context);
      } catch (thrown) {
        const error = toGlfsError(thrown);
        if (error.code !== 'EREMOTE') throw error;
        const pointer = await pointerOn(state, child, target, context);
        if (typeof pointer === 'string') throw error;
        return pointer.flush(request, context);
      }
    },
  });
}

/** Of a directory: every subvolume that has it and can be reached. */
export async function fsyncdir(
  state: DistributeState,
  request: Request<'fsyncdir'>,
  context: CallContext,
): Promise<Reply<'fsyncdir'>> {
  const answers = await windAll(state.children, (child) => child.fsyncdir(request, context));
  const failed = failures(answers);
  const [first] = successes(answers);
  const serious = failed.filter(({ error }) => error.code !== 'ENOTCONN' && !isGone(error));
  if (first === undefined || serious.length > 0)
    throw combined(serious.length > 0 ? serious : failed, state.name);
  return first.reply;
}

/** A file that was moved while it was open is open on several subvolumes; to all others a release says nothing. */
export async function release(
  state: DistributeState,
  request: Request<'release'>,
  context: CallContext,
): Promise<Reply<'release'>> {
  await windAll(state.children, (child) => child.release(request, detached(context)));
  return {};
}

export async function releasedir(
  state: DistributeState,
  request: Request<'releasedir'>,
  context: CallContext,
): Promise<Reply<'releasedir'>> {
  await windAll(state.children, (child) => child.releasedir(request, detached(context)));
  return {};
}

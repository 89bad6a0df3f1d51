import type { CallContext, Reply, Request, Subvolume } from '../../../../graph/index.ts';
import { type Gfid, gfidEquals } from '../../../../protocol/gfid.ts';
import { internalDetached, windAll } from '../../wind.ts';
import type { ReplicateState } from '../state.ts';
import { makeEntry } from './make.ts';

/**
 * Makes a file and opens it on all copies; where that comes to nothing, no copy keeps it open, and none ever keeps another
 * file open under this fd.
 */
export async function create(
  state: ReplicateState,
  request: Request<'create'>,
  context: CallContext,
): Promise<Reply<'create'>> {
  const opened = new Map<Subvolume, Gfid>();
  let failed = false;
  const close = async (children: Iterable<Subvolume>): Promise<void> => {
    const own = internalDetached(context);
    await windAll([...children], (child) => child.release({ fd: request.fd }, own));
  };
  try {
    const reply = await makeEntry(state, 'create', request, context, async (child, xdata, own) => {
      const answer = await child.create({ ...request, xdata }, own);
      // The caller may have given up meanwhile.
      if (failed) await close([child]);
      else opened.set(child, answer.stat.gfid);
      return answer;
    });
    const others = [...opened].filter(([, gfid]) => !gfidEquals(gfid, reply.stat.gfid));
    if (others.length > 0) await close(others.map(([child]) => child));
    return reply;
  } catch (error) {
    failed = true;
    await close(opened.keys());
    throw error;
  }
}

/** Makes a device, fifo, socket or plain file. */
export function mknod(
  state: ReplicateState,
  request: Request<'mknod'>,
  context: CallContext,
): Promise<Reply<'mknod'>> {
  return makeEntry(state, 'mknod', request, context, (child, xdata, own) =>
    child.mknod({ ...request, xdata }, own),
  );
}

export function mkdir(
  state: ReplicateState,
  request: Request<'mkdir'>,
  context: CallContext,
): Promise<Reply<'mkdir'>> {
  return makeEntry(state, 'mkdir', request, context, (child, xdata, own) =>
    child.mkdir({ ...request, xdata }, own),
  );
}

export function symlink(
  state: ReplicateState,
  request: Request<'symlink'>,
  context: CallContext,
): Promise<Reply<'symlink'>> {
  return makeEntry(state, 'symlink', request, context, (child, xdata, own) =>
    child.symlink({ ...request, xdata }, own),
  );
}

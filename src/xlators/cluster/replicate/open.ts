import { GlfsError } from '../../../errors.ts';
import { type CallContext, detached, type Fd, type Inode, type Subvolume } from '../../../graph/index.ts';
import { gfidKey } from '../../../protocol/gfid.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { callMembers, type Outcome, requireAny, requireSuccess } from '../everywhere.ts';
import { bookOf } from '../locking/lock-book.ts';
import { withLocks } from '../locking/posix-locks.ts';
import { windAll } from '../wind.ts';
import { requireConsistentIo } from './consistent-io.ts';
import type { Part } from './fops.ts';
import { ensureFresh } from './refresh.ts';
import type { ReplicateState } from './state.ts';
import { settleFile } from './transaction/index.ts';
import { ftruncate, truncate } from './writes.ts';

/**
 * On all copies that are there; those that come later, or could not open it now, open it at the first call that reaches them
 * (protocol/client). O_TRUNC changes the file: it becomes a transaction of its own.
 */
export const open: Part<'open'> = async (state, request, context) => {
  const { loc, fd } = request;
  state.requireQuorum();
  await refuseSplitBrain(state, loc.inode, context);
  const truncates = (request.flags & OpenFlag.TRUNC) !== 0;
  const flags = request.flags & ~OpenFlag.TRUNC;
  const outcome = await callMembers<'open'>(state, state.up, (child) =>
    child.open({ ...request, flags }, context),
  );
  try {
    const reply = requireSuccess(state, outcome);
    if (!truncates) return reply;
    const writable = (flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY;
    if (writable) await ftruncate(state, { fd, offset: 0 }, context);
    else await truncate(state, { loc, offset: 0 }, context);
    return reply;
  } catch (error) {
    // The caller gets no fd, and so will not release it.
    await dropFd(state, fd, (child) => child.release({ fd }, detached(context)));
    throw error;
  }
};

/** No copy could be read or written: better said now than at the first read. @throws GlfsError EIO */
async function refuseSplitBrain(state: ReplicateState, inode: Inode, context: CallContext): Promise<void> {
  const file = await ensureFresh(state, inode, context);
  if (file.copies?.splitBrain.data !== true || file.choice !== undefined) return;
  throw new GlfsError('EIO', 'split-brain: the copies of the file accuse each other', {
    translator: state.name,
  });
}

export const opendir: Part<'opendir'> = async (state, request, context) => {
  state.requireQuorum();
  const outcome = await callMembers<'opendir'>(state, state.up, (child) => child.opendir(request, context));
  try {
    return requireSuccess(state, outcome);
  } catch (error) {
    const { fd } = request;
    await dropFd(state, fd, (child) => child.releasedir({ fd }, detached(context)));
    throw error;
  }
};

/** What writes have left to be done is done before; then the locks of the caller's owner are gone, POSIX's close. */
export const flush: Part<'flush'> = async (state, request, context) => {
  const { fd } = request;
  const book = bookOf(state);
  await settleFile(state, fd.inode.gfid);
  const concerned = book.concerns(fd);
  book.held.flushed(fd, context);
  requireConsistentIo(state);
  const call = (): Promise<Outcome<'flush'>> =>
    callMembers<'flush'>(state, withLocks(state, book), (child) => child.flush(request, context));
  return requireAny(concerned ? await book.inTurn(gfidKey(fd.inode.gfid), call) : await call());
};

export const fsyncdir: Part<'fsyncdir'> = async (state, request, context) => {
  state.requireQuorum();
  const outcome = await callMembers<'fsyncdir'>(state, state.up, (child) => child.fsyncdir(request, context));
  return requireSuccess(state, outcome);
};

export const release: Part<'release'> = async (state, request, context) => {
  const { fd } = request;
  bookOf(state).held.released(fd);
  await settleFile(state, fd.inode.gfid);
  await dropFd(state, fd, (child) => child.release(request, detached(context)));
  return {};
};

export const releasedir: Part<'releasedir'> = async (state, request, context) => {
  await dropFd(state, request.fd, (child) => child.releasedir(request, detached(context)));
  return {};
};

/** Copies that are down are called too: what they know of the fd is forgotten. */
async function dropFd(
  state: ReplicateState,
  fd: Fd,
  call: (child: Subvolume) => Promise<object>,
): Promise<void> {
  const answers = await windAll(state.children, call);
  for (const { child, error } of answers) {
    if (error === undefined) continue;
    const details = { translator: state.name, subvolume: child.name, gfid: fd.inode.toString(), error };
    state.log.debug(details, 'release failed: the fd goes with the connection');
  }
}

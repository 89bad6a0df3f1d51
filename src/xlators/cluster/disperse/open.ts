import { detached, type Fd, type Subvolume } from '../../../graph/index.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { bookOf } from '../locking/lock-book.ts';
import { windAll } from '../wind.ts';
import { agreement } from './answers.ts';
import { ask, requireReadable } from './asking.ts';
import { withholdAppend } from './data-fd.ts';
import type { Part } from './fops.ts';
import { mergedReply } from './merged-reply.ts';
import { ftruncate, truncate } from './sizes.ts';
import type { DisperseState } from './state.ts';

/**
 * On all that are there; those that come later, or could not open it now, open it at the first call that reaches them
 * (protocol/client). Bytes have their place in a fragment, wherever the file ends: none is opened for appending. O_TRUNC is a
 * change of the size, with all that goes with it.
 */
export const open: Part<'open'> = async (state, request, context) => {
  const { loc, fd } = request;
  requireReadable(state);
  const flags = flagsBelow(request.flags);
  withholdAppend(fd);
  const answers = await ask(state, state.up, (child) => child.open({ ...request, flags }, context));
  try {
    const { replies } = agreement(state, answers, () => 'open');
    const reply = mergedReply(
      state,
      replies.map((each) => each.reply),
    );
    if ((request.flags & OpenFlag.TRUNC) === 0) return reply;
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

/** Flags with which fragments are opened. */
export function flagsBelow(flags: number): number {
  return flags & ~(OpenFlag.APPEND | OpenFlag.TRUNC);
}

export const opendir: Part<'opendir'> = async (state, request, context) => {
  requireReadable(state);
  const answers = await ask(state, state.up, (child) => child.opendir(request, context));
  try {
    const { replies } = agreement(state, answers, () => 'open');
    return mergedReply(
      state,
      replies.map(({ reply }) => reply),
    );
  } catch (error) {
    const { fd } = request;
    await dropFd(state, fd, (child) => child.releasedir({ fd }, detached(context)));
    throw error;
  }
};

export const release: Part<'release'> = async (state, request, context) => {
  const { fd } = request;
  bookOf(state).held.released(fd);
  await dropFd(state, fd, (child) => child.release(request, detached(context)));
  return {};
};

export const releasedir: Part<'releasedir'> = async (state, request, context) => {
  await dropFd(state, request.fd, (child) => child.releasedir(request, detached(context)));
  return {};
};

/** Subvolumes that are down are called too: what they know of the fd is forgotten. */
export async function dropFd(
  state: DisperseState,
  fd: Fd,
  call: (child: Subvolume) => Promise<object>,
): Promise<void> {
  for (const { child, error } of await windAll(state.children, call)) {
    if (error === undefined) continue;
    const details = { translator: state.name, subvolume: child.name, gfid: fd.inode.toString(), error };
    state.log.debug(details, 'release failed: the fd goes with the connection');
  }
}

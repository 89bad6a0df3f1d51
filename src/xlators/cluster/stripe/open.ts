import { detached, type Subvolume } from '../../../graph/index.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { combined, failures, windAll } from '../wind.ts';
import { isGone, mergedChange, repliesOfAll, whyNot } from './everywhere.ts';
import type { Part } from './fops.ts';
import { below, belowFd } from './plain-fd.ts';
import { ftruncate, truncate } from './truncate.ts';

/** On all subvolumes; O_TRUNC becomes a truncation of its own, which begins when all have opened the file. */
export const open: Part<'open'> = async (state, request, context) => {
  const { loc } = request;
  if ((await state.layoutOf(loc, context)) === undefined) return state.first.open(request, context);
  const fd = belowFd(request.fd);
  const flags = request.flags & ~(OpenFlag.APPEND | OpenFlag.TRUNC);
  const release = (children: readonly Subvolume[]) =>
    windAll(children, (child) => child.release({ fd }, detached(context)));
  const answers = await windAll(state.children, (child) => child.open({ ...request, fd, flags }, context));
  if (failures(answers).length > 0) {
    await release(answers.filter(({ reply }) => reply !== undefined).map(({ child }) => child));
    throw await whyNot(state, loc.inode, answers, context);
  }
  try {
    if ((request.flags & OpenFlag.TRUNC) !== 0) {
      const writable = (flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY;
      if (writable) await ftruncate(state, { fd, offset: 0 }, context);
      else await truncate(state, { loc, offset: 0 }, context);
    }
  } catch (error) {
    // The caller gets no fd, and so will not release it.
    await release(state.children);
    throw error;
  }
  return answers[0]!.reply!;
};

/** Names are listed on the first subvolume. */
export const opendir: Part<'opendir'> = (state, request, context) => state.first.opendir(request, context);

export const flush: Part<'flush'> = async (state, request, context) => {
  const { fd } = request;
  const whole = below(request);
  if (fd.inode.type !== 'file') return state.first.flush(whole, context);
  const replies = await repliesOfAll(state, fd.inode, (child) => child.flush(whole, context), context);
  return replies[0]!;
};

export const fsync: Part<'fsync'> = async (state, request, context) => {
  const whole = below(request);
  const { fd } = whole;
  const layout = await state.requireLayout({ inode: fd.inode, fd }, context);
  const replies = await repliesOfAll(state, fd.inode, (child) => child.fsync(whole, context), context);
  return mergedChange(state, layout, replies);
};

export const fsyncdir: Part<'fsyncdir'> = async (state, request, context) => {
  const [first, ...others] = await windAll(state.children, (child) => child.fsyncdir(request, context));
  if (first!.error !== undefined) throw first!.error;
  const failed = failures(others).filter(({ error }) => !isGone(error));
  if (failed.length > 0) throw combined(failed, state.name);
  return first!.reply!;
};

/** To who has not opened it a release says nothing. */
export const release: Part<'release'> = async (state, request, context) => {
  const whole = below(request);
  await windAll(state.children, (child) => child.release(whole, detached(context)));
  return {};
};

export const releasedir: Part<'releasedir'> = async (state, request, context) => {
  await windAll(state.children, (child) => child.releasedir(request, detached(context)));
  return {};
};

import { detached } from '../../../../graph/index.ts';
import { S_IFMT, S_IFREG } from '../../../../protocol/iatt.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import { withholdAppend } from '../data-fd.ts';
import type { Part } from '../fops.ts';
import { encodeNumbers, initialCounters, VERSION, ZEROS } from '../lock/counters.ts';
import { dropFd, flagsBelow } from '../open.ts';
import { ftruncate } from '../sizes.ts';
import { statOf } from '../stat.ts';
import { makeEntry } from './make.ts';

/** A file that is there is opened, as OPEN does it. */
export const create: Part<'create'> = async (state, request, context) => {
  const { loc, fd } = request;
  const flags = flagsBelow(request.flags);
  withholdAppend(fd);
  try {
    const { reply, isNew } = await makeEntry(
      state,
      {
        loc,
        xdata: request.xdata,
        make: (child, xdata, own) =>
          child.create({ ...request, flags, xdata: xdata.merge(initialCounters(state)) }, own),
        remove: (child, own) => child.unlink({ loc, xflags: 0 }, own),
      },
      context,
    );
    const made = { ...reply, remoteFd: 0n };
    if (isNew) {
      state.file(reply.stat.gfid).size = 0;
      return made;
    }
    if ((request.flags & OpenFlag.TRUNC) !== 0) await ftruncate(state, { fd, offset: 0 }, context);
    return { ...made, stat: await statOf(state, { inode: loc.inode, fd }, context) };
  } catch (error) {
    await dropFd(state, fd, (child) => child.release({ fd }, detached(context)));
    throw error;
  }
};

export const mknod: Part<'mknod'> = async (state, request, context) => {
  const { loc } = request;
  const isFile = (request.mode & S_IFMT) === S_IFREG || (request.mode & S_IFMT) === 0;
  const { reply } = await makeEntry(
    state,
    {
      loc,
      xdata: request.xdata,
      make: (child, xdata, own) =>
        child.mknod({ ...request, xdata: isFile ? xdata.merge(initialCounters(state)) : xdata }, own),
      remove: (child, own) => child.unlink({ loc, xflags: 0 }, own),
    },
    context,
  );
  return reply;
};

export const mkdir: Part<'mkdir'> = async (state, request, context) => {
  const { loc } = request;
  const { reply } = await makeEntry(
    state,
    {
      loc,
      xdata: request.xdata,
      make: (child, xdata, own) =>
        child.mkdir({ ...request, xdata: xdata.setBytes(VERSION, encodeNumbers(...ZEROS)) }, own),
      remove: (child, own) => child.rmdir({ loc, xflags: 0 }, own),
    },
    context,
  );
  return reply;
};

export const symlink: Part<'symlink'> = async (state, request, context) => {
  const { loc } = request;
  const { reply } = await makeEntry(
    state,
    {
      loc,
      xdata: request.xdata,
      make: (child, xdata, own) => child.symlink({ ...request, xdata }, own),
      remove: (child, own) => child.unlink({ loc, xflags: 0 }, own),
    },
    context,
  );
  return reply;
};

import { GlfsError } from '../../../errors.ts';
import { attributesUnder, changeFile, repliedSizes } from './change-file.ts';
import { isAppending } from './data-fd.ts';
import type { Part } from './fops.ts';
import { lockedRange, rangeFrom, stripesAround } from './fragment-layout.ts';
import { writeStripes } from './write-stripes.ts';

export const write: Part<'write'> = async (state, request, context) => {
  const { fd, size, data, flags, xdata } = request;
  const { inode } = fd;
  if (size === 0) {
    return state.locks.run([{ inode, fd, shared: true }], context, async ([held], caller) => {
      const { stat } = await attributesUnder(state, held!, fd, caller);
      return { prestat: stat, poststat: stat, count: 0 };
    });
  }
  const appends = isAppending(fd);
  // Nothing else may move the end of the file until the append has.
  const range = appends ? rangeFrom(0) : lockedRange(stripesAround(request.offset, size, state.stripe));
  return changeFile(state, { inode, fd, range }, context, async (change) => {
    const { held } = change;
    const before = held.size;
    const offset = appends ? before : request.offset;
    const asked = { fd, offset, size, data, fileSize: before, flags, xdata };
    const { replies, count } = await writeStripes(state, change, asked);
    // Others that ran beside it may have moved it further.
    if (count > 0) held.size = Math.max(held.size, offset + count);
    return { ...repliedSizes(state, replies, { before, after: held.size }), count };
  });
};

/** The bytes of a file are on no brick: the caller reads and writes instead. */
export const copyFileRange: Part<'copyFileRange'> = (state) =>
  Promise.reject(
    new GlfsError('EOPNOTSUPP', 'bricks that hold fragments do not copy ranges of files', {
      translator: state.name,
    }),
  );

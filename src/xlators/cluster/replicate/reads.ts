import type { ErrnoCode, GlfsError } from '../../../errors.ts';
import type { CallContext, Reply } from '../../../graph/index.ts';
import { has } from '../children.ts';
import type { Part } from './fops.ts';
import { mergedStat } from './merged-stat.ts';
import { type Reading, readOne } from './reading.ts';
import type { ReplicateState } from './state.ts';

/* What is read from one copy. Metadata and data are different matters: each may be good where the other is not. */

function answers(...codes: ErrnoCode[]): (error: GlfsError) => boolean {
  return ({ code }) => codes.includes(code);
}

const isRefusal = answers('EACCES');
const isEndOfFile = answers('ENXIO');

export const access: Part<'access'> = async (state, request, context) => {
  const { inode } = request.loc;
  const { reply } = await readOne(
    state,
    { kind: 'metadata', inode, read: (child) => child.access(request, context), isAnswer: isRefusal },
    context,
  );
  return reply;
};

export const stat: Part<'stat'> = (state, request, context) => {
  const { inode } = request.loc;
  return attributes(state, { inode, read: (child) => child.stat(request, context) }, context);
};

export const fstat: Part<'fstat'> = (state, request, context) => {
  const { fd } = request;
  const { inode } = fd;
  return attributes(state, { inode, fd, read: (child) => child.fstat(request, context) }, context);
};

/** From one copy, or from two where none is good in both halves: a size that nobody's bytes have would be a lie. */
async function attributes(
  state: ReplicateState,
  reading: Omit<Reading<Reply<'stat'>>, 'kind'>,
  context: CallContext,
): Promise<Reply<'stat'>> {
  const { reply, index } = await readOne(state, { ...reading, kind: 'metadata' }, context);
  const { inode } = reading;
  const file = state.file(inode);
  const good = file.readable('data');
  if (inode.type === 'directory' || good === 0 || has(good, index)) return reply;
  const bytes = await readOne(state, { ...reading, kind: 'data' }, context);
  return { ...reply, stat: mergedStat(reply.stat, bytes.reply.stat) };
}

export const readlink: Part<'readlink'> = async (state, request, context) => {
  const { inode } = request.loc;
  const { reply } = await readOne(
    state,
    { kind: 'data', inode, read: (child) => child.readlink(request, context) },
    context,
  );
  return reply;
};

export const read: Part<'read'> = async (state, request, context) => {
  const { fd } = request;
  const { reply } = await readOne(
    state,
    { kind: 'data', inode: fd.inode, fd, read: (child) => child.read(request, context) },
    context,
  );
  return reply;
};

export const seek: Part<'seek'> = async (state, request, context) => {
  const { fd } = request;
  const { reply } = await readOne(
    state,
    {
      kind: 'data',
      inode: fd.inode,
      fd,
      read: (child) => child.seek(request, context),
      isAnswer: isEndOfFile,
    },
    context,
  );
  return reply;
};

export const rchecksum: Part<'rchecksum'> = async (state, request, context) => {
  const { fd } = request;
  const { reply } = await readOne(
    state,
    { kind: 'data', inode: fd.inode, fd, read: (child) => child.rchecksum(request, context) },
    context,
  );
  return reply;
};

export { fgetxattr, getxattr } from './xattr-reads.ts';

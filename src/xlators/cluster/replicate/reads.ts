import type { ErrnoCode, GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';
import { readOne } from './reading.ts';

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

export const stat: Part<'stat'> = async (state, request, context) => {
  const { inode } = request.loc;
  const { reply } = await readOne(
    state,
    { kind: 'metadata', inode, read: (child) => child.stat(request, context) },
    context,
  );
  return reply;
};

export const fstat: Part<'fstat'> = async (state, request, context) => {
  const { fd } = request;
  const { reply } = await readOne(
    state,
    { kind: 'metadata', inode: fd.inode, fd, read: (child) => child.fstat(request, context) },
    context,
  );
  return reply;
};

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

import { Inode } from '../../../graph/index.ts';
import { ROOT_GFID } from '../../../protocol/gfid.ts';
import { sumStatfs } from '../distribute/statfs.ts';
import { combined, failures, successes, windAll } from '../wind.ts';
import type { Part } from './fops.ts';
import { below } from './plain-fd.ts';

/*
 * What is the first subvolume's alone. Locks are among it: whoever holds one there excludes all others, GlusterFS's clients too,
 * which take POSIX locks on all subvolumes and therefore on the first.
 */

export const access: Part<'access'> = (state, request, context) => state.first.access(request, context);
export const readlink: Part<'readlink'> = (state, request, context) => state.first.readlink(request, context);
export const inodelk: Part<'inodelk'> = (state, request, context) => state.first.inodelk(request, context);
export const finodelk: Part<'finodelk'> = (state, request, context) =>
  state.first.finodelk(below(request), context);
export const entrylk: Part<'entrylk'> = (state, request, context) => state.first.entrylk(request, context);
export const fentrylk: Part<'fentrylk'> = (state, request, context) => state.first.fentrylk(request, context);
export const lk: Part<'lk'> = (state, request, context) => state.first.lk(below(request), context);
export const xattrop: Part<'xattrop'> = (state, request, context) => state.first.xattrop(request, context);
export const fxattrop: Part<'fxattrop'> = (state, request, context) =>
  state.first.fxattrop(below(request), context);
export const ipc: Part<'ipc'> = (state, request, context) => state.first.ipc(request, context);

/** The sum of all: a file has its share on each. */
export const statfs: Part<'statfs'> = async (state, request, context) => {
  const isDirectory = request.loc.inode.type === 'directory';
  // Of what is no directory the others may know nothing.
  const loc = isDirectory ? request.loc : { inode: new Inode(ROOT_GFID, 'directory') };
  const answers = await windAll(state.children, (child) => child.statfs({ ...request, loc }, context));
  const replies = successes(answers).map(({ reply }) => reply);
  if (replies.length === 0) throw combined(failures(answers), state.name);
  return { ...sumStatfs(replies), xdata: replies[0]!.xdata };
};

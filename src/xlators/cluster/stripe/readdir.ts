import { type CallContext, type DirectoryEntry, Inode } from '../../../graph/index.ts';
import { isRegular } from '../../../protocol/iatt.ts';
import { internal } from '../wind.ts';
import { stat } from './attribute-fops.ts';
import type { Part } from './fops.ts';
import type { StripeState } from './state.ts';

/** The first subvolume has all names. */
export const readdir: Part<'readdir'> = (state, request, context) => state.first.readdir(request, context);

/** What it says of regular files is about one stripe: the others are asked, and where one can't be, nothing is said. */
export const readdirp: Part<'readdirp'> = async (state, request, context) => {
  const reply = await state.first.readdirp(request, context);
  const entries = await Promise.all(reply.entries.map((entry) => completed(state, entry, internal(context))));
  return { ...reply, entries };
};

async function completed(
  state: StripeState,
  entry: DirectoryEntry,
  context: CallContext,
): Promise<DirectoryEntry> {
  if (entry.stat === undefined || !isRegular(entry.stat)) return entry;
  const xdata = state.attributes.without(entry.xdata);
  try {
    const loc = { inode: new Inode(entry.stat.gfid, 'file') };
    const whole = await stat(state, { loc }, context);
    return { ...entry, stat: whole.stat, xdata };
  } catch {
    return { ...entry, stat: undefined, inode: undefined, xdata };
  }
}

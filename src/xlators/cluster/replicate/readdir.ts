import type { CallContext, DirectoryEntry, Fd, Subvolume } from '../../../graph/index.ts';
import { typeOfMode } from '../../../protocol/iatt.ts';
import { has } from '../children.ts';
import { type Listing, listPart } from '../listing.ts';
import type { Part } from './fops.ts';
import { mayNeedHeal } from './need-heal.ts';
import { isPrivateName } from './private-names.ts';
import { readChild } from './read-child/index.ts';
import { readOne } from './reading.ts';
import { isFresh } from './refresh.ts';
import type { ReplicateState } from './state.ts';

export const readdir: Part<'readdir'> = async (state, request, context) => {
  const { fd, offset } = request;
  const call = (child: Subvolume, at: bigint) => child.readdir({ ...request, offset: at }, context);
  const { reply } = await listPart(state, listing(state, fd, call, context), offset, context);
  return reply;
};

export const readdirp: Part<'readdirp'> = async (state, request, context) => {
  const { fd, offset } = request;
  const call = (child: Subvolume, at: bigint) => child.readdirp({ ...request, offset: at }, context);
  const { reply, index } = await listPart(state, listing(state, fd, call, context), offset, context);
  return { ...reply, entries: reply.entries.map((entry) => checked(state, entry, index)) };
};

function listing<T>(
  state: ReplicateState,
  fd: Fd,
  call: Listing<T>['call'],
  context: CallContext,
): Listing<T> {
  const { inode } = fd;
  return {
    fd,
    call,
    first: (read) => readOne(state, { kind: 'data', inode, fd, read }, context),
    require: () => state.requireQuorum(),
    isVisible: ({ name }) => !isPrivateName(state, inode, name, context),
  };
}

/** An entry with its attributes only where this copy is known to be good for it: others must be looked up. */
function checked(state: ReplicateState, entry: DirectoryEntry, index: number): DirectoryEntry {
  const { stat } = entry;
  if (stat === undefined || isTrusted(state, stat, index)) return entry;
  return { ...entry, stat: undefined, inode: undefined };
}

function isTrusted(
  state: ReplicateState,
  { gfid, mode }: NonNullable<DirectoryEntry['stat']>,
  index: number,
): boolean {
  const consistent = state.options['consistent-metadata'];
  const file = state.files.known(gfid);
  if (file === undefined) return !mayNeedHeal(state) && !consistent;
  const readable = file.readable('data') & file.readable('metadata');
  // However old that is: what this client has changed while the copy was away may not be marked on the others yet.
  if (file.copies !== undefined && !has(readable, index)) return false;
  if (!isFresh(state, file)) return file.pins === 0 && !mayNeedHeal(state) && !consistent;
  return !consistent || readChild(state, readable, { gfid, type: typeOfMode(mode) }) === index;
}

import type { CallContext, DirectoryEntry, Fd, Reply, Subvolume } from '../../../graph/index.ts';
import { typeOfMode } from '../../../protocol/iatt.ts';
import { has } from './children.ts';
import type { Part } from './fops.ts';
import { mayNeedHeal } from './need-heal.ts';
import { isPrivateName } from './private-names.ts';
import { readChild } from './read-child/index.ts';
import { readOne } from './reading.ts';
import { isFresh } from './refresh.ts';
import type { ReplicateState } from './state.ts';

/** By open directory and name of the translator: the copy that is being listed. It outlives graphs, as fds do. */
const listed = new WeakMap<Fd, Map<string, string>>();

export const readdir: Part<'readdir'> = async (state, request, context) => {
  const { fd, offset } = request;
  const { reply } = await list(state, fd, offset, (child) => child.readdir(request, context), context);
  return { ...reply, entries: withoutPrivate(state, fd, reply.entries, context) };
};

export const readdirp: Part<'readdirp'> = async (state, request, context) => {
  const { fd, offset } = request;
  const { reply, index } = await list(
    state,
    fd,
    offset,
    (child) => child.readdirp(request, context),
    context,
  );
  const entries = withoutPrivate(state, fd, reply.entries, context);
  return { ...reply, entries: entries.map((entry) => checked(state, entry, index)) };
};

type Listing = Reply<'readdir'>;

/** Offsets mean something to one copy only: a listing stays where it began. */
async function list<T extends Listing>(
  state: ReplicateState,
  fd: Fd,
  offset: bigint,
  call: (child: Subvolume) => Promise<T>,
  context: CallContext,
): Promise<{ reply: T; index: number }> {
  const name = offset === 0n ? undefined : listed.get(fd)?.get(state.name);
  const child = state.children.find((one) => one.name === name);
  if (child !== undefined) {
    state.requireQuorum();
    return { reply: await call(child), index: state.indexOf(child) };
  }
  const found = await readOne(state, { kind: 'data', inode: fd.inode, fd, read: call }, context);
  let copies = listed.get(fd);
  if (copies === undefined) {
    copies = new Map();
    listed.set(fd, copies);
  }
  copies.set(state.name, state.children[found.index]!.name);
  return found;
}

function withoutPrivate(
  state: ReplicateState,
  { inode }: Fd,
  entries: DirectoryEntry[],
  context: CallContext,
): DirectoryEntry[] {
  if (!inode.isRoot) return entries;
  return entries.filter(({ name }) => !isPrivateName(state, inode, name, context));
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
  if (file === undefined || !isFresh(state, file)) return !mayNeedHeal(state) && !consistent;
  const readable = file.readable('data') & file.readable('metadata');
  if (!has(readable, index)) return false;
  return !consistent || readChild(state, readable, { gfid, type: typeOfMode(mode) }) === index;
}

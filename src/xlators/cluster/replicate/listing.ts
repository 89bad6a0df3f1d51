import { GlfsError, toGlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type DirectoryEntry,
  type Fd,
  type Subvolume,
  throwIfEnded,
} from '../../../graph/index.ts';
import { readOne } from './reading.ts';
import type { ReplicateState } from './state.ts';

/**
 * Names that are remembered of a listing, so that another copy can go on where one has gone; a listing that has given out
 * more ends with the copy's error.
 */
const MOST_NAMES = 65_536;

/** How far the listing of an open directory has come. */
interface Progress {
  /** Name of the subvolume: a graph that takes the place of another has the same. */
  child: string;
  /** Offset of the last entry that was given out. */
  last: bigint;
  /** Names given out; undefined where there are too many. */
  given: Set<string> | undefined;
  /** The copy is not the first one of this listing: what is in `given` must not be given out again. */
  moved: boolean;
}

/** By open directory and name of the translator. It outlives graphs, as fds do. */
const listings = new WeakMap<Fd, Map<string, Progress>>();

interface Part {
  entries: DirectoryEntry[];
  eof?: boolean;
}

/** A part of a listing, and the position of the copy that it is from. */
export interface ListedFrom<T> {
  readonly reply: T;
  readonly index: number;
}

type Call<T> = (child: Subvolume, offset: bigint) => Promise<T>;

/**
 * Offsets mean something to one copy only: a listing stays where it began. Where that copy is lost another one is listed from
 * its start, without what has been given out.
 */
export async function listPart<T extends Part>(
  state: ReplicateState,
  fd: Fd,
  offset: bigint,
  call: Call<T>,
  context: CallContext,
): Promise<ListedFrom<T>> {
  const progress = offset === 0n ? undefined : listings.get(fd)?.get(state.name);
  const child = state.children.find(({ name }) => name === progress?.child);
  if (progress === undefined || child === undefined) return begin(state, fd, call, context, offset);
  if (progress.moved && progress.last !== offset) {
    throw new GlfsError('EIO', 'the copy that gave out this offset is lost', { translator: state.name });
  }
  state.requireQuorum();
  try {
    return await follow(state, { progress, child, offset, call }, context);
  } catch (thrown) {
    const error = toGlfsError(thrown);
    throwIfEnded(context);
    // Entries behind any other offset than the last are not known to be the ones that were given out.
    if (!isLost(error) || progress.given === undefined || progress.last !== offset) throw error;
    return moveOn(state, fd, progress, call, context);
  }
}

function isLost(error: GlfsError): boolean {
  return error.outcome === 'unknown' || ['ENOTCONN', 'EBADFD', 'EBADF'].includes(error.code);
}

async function begin<T extends Part>(
  state: ReplicateState,
  fd: Fd,
  call: Call<T>,
  context: CallContext,
  offset: bigint,
): Promise<ListedFrom<T>> {
  const found = await readFrom(state, fd, call, context, offset);
  let all = listings.get(fd);
  if (all === undefined) {
    all = new Map();
    listings.set(fd, all);
  }
  // A listing that begins in the middle has given out names that nobody knows of here.
  const given = offset === 0n ? new Set<string>() : undefined;
  const progress = { child: state.children[found.index]!.name, last: offset, given, moved: false };
  all.set(state.name, progress);
  return { ...found, reply: noted(progress, found.reply) };
}

function readFrom<T extends Part>(
  state: ReplicateState,
  fd: Fd,
  call: Call<T>,
  context: CallContext,
  offset: bigint,
): Promise<ListedFrom<T>> {
  return readOne(state, { kind: 'data', inode: fd.inode, fd, read: (child) => call(child, offset) }, context);
}

interface Step<T> {
  readonly progress: Progress;
  readonly child: Subvolume;
  readonly offset: bigint;
  readonly call: Call<T>;
}

/** The next entries of the same copy that have not been given out: whole parts may have been, by another. */
async function follow<T extends Part>(
  state: ReplicateState,
  { progress, child, offset, call }: Step<T>,
  context: CallContext,
): Promise<ListedFrom<T>> {
  const index = state.indexOf(child);
  for (let at = offset; ; ) {
    throwIfEnded(context);
    const reply = await call(child, at);
    const final = reply.entries.at(-1);
    const fresh = noted(progress, reply);
    if (fresh.entries.length > 0 || final === undefined || reply.eof === true) return { reply: fresh, index };
    at = final.offset;
  }
}

async function moveOn<T extends Part>(
  state: ReplicateState,
  fd: Fd,
  progress: Progress,
  call: Call<T>,
  context: CallContext,
): Promise<ListedFrom<T>> {
  const found = await readFrom(state, fd, call, context, 0n);
  const child = state.children[found.index]!;
  progress.child = child.name;
  progress.moved = true;
  const final = found.reply.entries.at(-1);
  const reply = noted(progress, found.reply);
  if (reply.entries.length > 0 || final === undefined || reply.eof === true) return { ...found, reply };
  return follow(state, { progress, child, offset: final.offset, call }, context);
}

/** Takes down what is given out, and takes out what was before. */
function noted<T extends Part>(progress: Progress, reply: T): T {
  const { given, moved } = progress;
  const entries = moved ? reply.entries.filter(({ name }) => given?.has(name) !== true) : reply.entries;
  for (const { name } of entries) given?.add(name);
  progress.last = entries.at(-1)?.offset ?? progress.last;
  // Once another copy has taken over the names are needed to the end.
  if (!moved && given !== undefined && given.size > MOST_NAMES) progress.given = undefined;
  return moved ? { ...reply, entries } : reply;
}

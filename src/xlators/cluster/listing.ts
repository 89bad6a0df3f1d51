import { GlfsError, toGlfsError } from '../../errors.ts';
import {
  type CallContext,
  type DirectoryEntry,
  type Fd,
  type Subvolume,
  throwIfEnded,
} from '../../graph/index.ts';
import type { MemberSet } from './member-set.ts';

/**
 * Names that are remembered of a listing, so that another subvolume can go on where one has gone; a listing that has given out
 * more ends with the error of the one that is lost.
 */
const MOST_NAMES = 65_536;

/** How far the listing of an open directory has come. */
interface Progress {
  /** Name of the subvolume: a graph that takes the place of another has the same. */
  child: string;
  /** Offset of the last entry that was given out. */
  last: bigint;
  /** The same without `.` and `..`, which may come last: who leaves them out goes on from here. */
  lastName: bigint;
  /** Names given out; undefined where there are too many. */
  given: Set<string> | undefined;
  /** The subvolume is not the first one of this listing: what is in `given` must not be given out again. */
  moved: boolean;
}

/** By open directory and name of the translator. It outlives graphs, as fds do. */
const listings = new WeakMap<Fd, Map<string, Progress>>();

interface Part {
  entries: DirectoryEntry[];
  eof?: boolean;
}

/** A part of a listing, and the position of the subvolume that it is from. */
export interface ListedFrom<T> {
  readonly reply: T;
  readonly index: number;
}

/** What is listed, and how. */
export interface Listing<T> {
  readonly fd: Fd;
  call(child: Subvolume, offset: bigint): Promise<T>;
  /** The same on one whose names are good. */
  first(read: (child: Subvolume) => Promise<T>): Promise<ListedFrom<T>>;
  /** Whether there are enough to go on. @throws GlfsError ENOTCONN */
  require(): void;
  /** Whether an entry is for the caller. */
  isVisible(entry: DirectoryEntry): boolean;
}

/**
 * Offsets mean something to one subvolume only: a listing stays where it began. Where that one is lost another one is listed
 * from its start, without what has been given out.
 */
export async function listPart<T extends Part>(
  state: MemberSet,
  listing: Listing<T>,
  offset: bigint,
  context: CallContext,
): Promise<ListedFrom<T>> {
  const progress = offset === 0n ? undefined : listings.get(listing.fd)?.get(state.name);
  const child = state.children.find(({ name }) => name === progress?.child);
  if (progress === undefined || child === undefined) return begin(state, listing, offset, context);
  if (progress.moved && !isEnd(progress, offset)) {
    throw new GlfsError('EIO', 'the subvolume that gave out this offset is lost', { translator: state.name });
  }
  listing.require();
  try {
    return await follow(state, listing, { progress, child, offset }, context);
  } catch (thrown) {
    const error = toGlfsError(thrown);
    throwIfEnded(context);
    // Entries behind any other offset than the last are not known to be the ones that were given out.
    if (!isLost(error) || progress.given === undefined || !isEnd(progress, offset)) throw error;
    progress.moved = true;
    return start(state, listing, { progress, offset: 0n }, context);
  }
}

/** Whether all that was given out is known to whoever goes on from this offset. */
function isEnd({ last, lastName }: Progress, offset: bigint): boolean {
  return offset === last || offset === lastName;
}

function isDot(name: string): boolean {
  return name === '.' || name === '..';
}

function isLost(error: GlfsError): boolean {
  return error.outcome === 'unknown' || ['ENOTCONN', 'EBADFD', 'EBADF'].includes(error.code);
}

function begin<T extends Part>(
  state: MemberSet,
  listing: Listing<T>,
  offset: bigint,
  context: CallContext,
): Promise<ListedFrom<T>> {
  const { fd } = listing;
  let all = listings.get(fd);
  if (all === undefined) {
    all = new Map();
    listings.set(fd, all);
  }
  // A listing that begins in the middle has given out names that nobody knows of here.
  const given = offset === 0n ? new Set<string>() : undefined;
  const progress: Progress = { child: '', last: offset, lastName: offset, given, moved: false };
  all.set(state.name, progress);
  return start(state, listing, { progress, offset }, context);
}

/** On whichever is to be read. */
async function start<T extends Part>(
  state: MemberSet,
  listing: Listing<T>,
  { progress, offset }: { readonly progress: Progress; readonly offset: bigint },
  context: CallContext,
): Promise<ListedFrom<T>> {
  const { reply, index } = await listing.first((child) => listing.call(child, offset));
  const child = state.children[index]!;
  progress.child = child.name;
  const final = reply.entries.at(-1);
  const fresh = noted(progress, listing, reply);
  if (isPart(fresh, final)) return { reply: fresh, index };
  return follow(state, listing, { progress, child, offset: final!.offset }, context);
}

interface Step {
  readonly progress: Progress;
  readonly child: Subvolume;
  readonly offset: bigint;
}

/** The next entries of the same subvolume that are for the caller: there may be none in a whole part. */
async function follow<T extends Part>(
  state: MemberSet,
  listing: Listing<T>,
  { progress, child, offset }: Step,
  context: CallContext,
): Promise<ListedFrom<T>> {
  const index = state.indexOf(child);
  for (let at = offset; ; ) {
    throwIfEnded(context);
    const reply = await listing.call(child, at);
    const final = reply.entries.at(-1);
    const fresh = noted(progress, listing, reply);
    if (isPart(fresh, final)) return { reply: fresh, index };
    at = final!.offset;
  }
}

/** An empty part is the end: it must not be taken for one only because nothing in it was for the caller. */
function isPart({ entries, eof }: Part, final: DirectoryEntry | undefined): boolean {
  return entries.length > 0 || final === undefined || eof === true;
}

/** Takes down what is given out, and takes out what was before, and what nobody may see. */
function noted<T extends Part>(progress: Progress, { isVisible }: Listing<T>, reply: T): T {
  const { given, moved } = progress;
  const entries = reply.entries.filter(
    (entry) => isVisible(entry) && !(moved && given?.has(entry.name) === true),
  );
  for (const { name } of entries) given?.add(name);
  progress.last = entries.at(-1)?.offset ?? progress.last;
  progress.lastName = entries.findLast(({ name }) => !isDot(name))?.offset ?? progress.lastName;
  // Once another one has taken over the names are needed to the end.
  if (!moved && given !== undefined && given.size > MOST_NAMES) progress.given = undefined;
  return { ...reply, entries };
}

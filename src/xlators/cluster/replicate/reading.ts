import { GlfsError, toGlfsError } from '../../../errors.ts';
import { type CallContext, type Fd, type Inode, type Subvolume, throwIfEnded } from '../../../graph/index.ts';
import { type ChildSet, has } from '../children.ts';
import type { FileState, ReadKind } from './file-state.ts';
import { healFile } from './heal/index.ts';
import { readChild } from './read-child/index.ts';
import { loadOf } from './read-child/load.ts';
import { ensureFresh } from './refresh.ts';
import type { ReplicateState } from './state.ts';

/** One read of one file, from whichever copy is good. */
export interface Reading<T> {
  readonly kind: ReadKind;
  readonly inode: Inode;
  readonly fd?: Fd;
  read(child: Subvolume): Promise<T>;
  /** Errors that are an answer: other copies would say the same. */
  isAnswer?(error: GlfsError): boolean;
}

/** A reply, and the position of the copy that it is from. */
export interface ReadFrom<T> {
  readonly reply: T;
  readonly index: number;
}

/**
 * Reads from one good copy, and from the next where that fails. What a copy said that has been accused in the meantime does
 * not count.
 * @throws GlfsError EIO in split-brain, ENOTCONN without quorum, what the last copy said where all have failed.
 */
export async function readOne<T>(
  state: ReplicateState,
  reading: Reading<T>,
  context: CallContext,
): Promise<ReadFrom<T>> {
  const { inode } = reading;
  const { generation } = state;
  state.requireQuorum();
  const file = state.file(inode);
  file.pins++;
  try {
    const result = await attempts(state, reading, context);
    if (state.options['consistent-io'] && state.generation !== generation) throw state.tooFew(state.up);
    return result;
  } finally {
    file.pins--;
  }
}

async function attempts<T>(
  state: ReplicateState,
  reading: Reading<T>,
  context: CallContext,
): Promise<ReadFrom<T>> {
  const { inode, fd } = reading;
  let tried: ChildSet = 0;
  let last: GlfsError | undefined;
  let isHealed = false;
  let isAskedAnew = false;
  for (;;) {
    throwIfEnded(context);
    const file = await ensureFresh(state, inode, context, fd);
    const chosen = choose(state, file, reading, tried);
    if (chosen === undefined) {
      if (last !== undefined) throw last;
      if (!isAskedAnew && !isSplit(file)) {
        // Each copy alone is bad in the eyes of another moment: one was asked before a change, one is accused since.
        isAskedAnew = true;
        file.forget();
        continue;
      }
      if (isHealed || !isResolvable(state, file)) throw unreadable(state, file, reading);
      isHealed = true;
      await healFile(state, inode.gfid, context);
      continue;
    }
    const { index } = chosen;
    try {
      const reply = await loadOf(state).measure(index, () => reading.read(state.children[index]!));
      if (chosen.isForced || has(goodCopies(state, file, reading), index)) return { reply, index };
    } catch (thrown) {
      const error = toGlfsError(thrown);
      if (reading.isAnswer?.(error) === true) throw error;
      throwIfEnded(context);
      // Once: the copies may have more to tell than this one's error.
      if (tried === 0) file.forget();
      tried |= 1 << index;
      last = error;
    }
  }
}

/** Copies that this can be read from. Neither half of a file is worth anything without the other. */
function goodCopies<T>(state: ReplicateState, file: FileState, { kind, inode }: Reading<T>): ChildSet {
  const good = file.readable(kind);
  if (inode.type === 'directory') {
    // Of copies that all accuse each other names that some lack are better than none. One that is away may have them all.
    const isWhole = state.up === state.all;
    return good === 0 && kind === 'data' && isWhole && isSplit(file) ? state.up : good;
  }
  return file.readable('data') === 0 || file.readable('metadata') === 0 ? 0 : good;
}

interface Chosen {
  readonly index: number;
  /** The administrator has said so. */
  readonly isForced: boolean;
}

function choose<T>(
  state: ReplicateState,
  file: FileState,
  reading: Reading<T>,
  tried: ChildSet,
): Chosen | undefined {
  const all = goodCopies(state, file, reading);
  const good = all & state.up & ~tried;
  const whole = good & file.readable('data') & file.readable('metadata');
  const index = readChild(state, whole || good, reading.inode);
  if (index !== undefined) return { index, isForced: false };
  const { choice } = file;
  if (all !== 0 || choice === undefined || !has(state.up & ~tried, choice)) return undefined;
  return { index: choice, isForced: true };
}

/** The copies have said so themselves. */
function isSplit({ copies }: FileState): boolean {
  return copies !== undefined && (copies.splitBrain.data || copies.splitBrain.metadata);
}

/** Split-brain for which a policy has been set. */
function isResolvable(state: ReplicateState, file: FileState): boolean {
  return state.options['favorite-child-policy'] !== 'none' && isSplit(file);
}

function unreadable<T>(state: ReplicateState, { copies }: FileState, { inode }: Reading<T>): GlfsError {
  const split = copies?.splitBrain;
  const kinds = [split?.data ? 'data' : '', split?.metadata ? 'metadata' : ''].filter((kind) => kind !== '');
  const reason = kinds.length > 0 ? `split-brain in ${kinds.join(' and ')}` : 'no good copy is there';
  return new GlfsError('EIO', reason, { translator: state.name, gfid: inode.toString() });
}

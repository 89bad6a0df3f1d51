import { GlfsError, isGlfsError, toGlfsError } from '../../../errors.ts';
import { asRoot, type CallContext, type Fd, type Inode } from '../../../graph/index.ts';
import type { FileState } from './files.ts';
import type { Piece } from './pieces.ts';
import type { ShardState } from './state.ts';

/** What one block said. Neither reply nor error: the block is missing. */
export interface Answer<T> {
  readonly piece: Piece;
  readonly block?: Inode;
  readonly reply?: T;
  readonly error?: GlfsError;
}

export type Act<T> = (piece: Piece, fd: Fd, context: CallContext) => Promise<T>;

/** A block that was remembered may have been cut off and made again by others: then it is another file. */
const TRIES = 3;

/**
 * Calls the blocks of all `pieces` of an open file at once, as root, whose they are, and waits for every answer. Missing blocks
 * are made where `make` says so. Never rejects.
 */
export function windPieces<T>(
  state: ShardState,
  file: FileState,
  fd: Fd,
  pieces: readonly Piece[],
  make: boolean,
  context: CallContext,
  act: Act<T>,
): Promise<Answer<T>[]> {
  const root = asRoot(context);
  return Promise.all(pieces.map((piece) => windPiece(state, file, fd, piece, make, root, act)));
}

async function windPiece<T>(
  state: ShardState,
  file: FileState,
  fd: Fd,
  piece: Piece,
  make: boolean,
  context: CallContext,
  act: Act<T>,
): Promise<Answer<T>> {
  const { index } = piece;
  let block: Inode | undefined;
  for (let tries = 1; ; tries++) {
    try {
      block = index === 0 ? fd.inode : await resolve(state, file, index, make, context);
      if (block === undefined) return { piece };
      return { piece, block, reply: await act(piece, state.fdOf(index, block, fd), context) };
    } catch (thrown) {
      const error = toGlfsError(thrown);
      const gone = index > 0 && error.outcome === 'failed' && isGlfsError(error, 'ENOENT', 'ESTALE');
      if (!gone || tries === TRIES) return { piece, error: named(error, state, piece) };
      state.blocks.forget(file, index);
    }
  }
}

function resolve(
  state: ShardState,
  file: FileState,
  index: number,
  make: boolean,
  context: CallContext,
): Promise<Inode | undefined> {
  return make ? state.blocks.make(file, index, context) : state.blocks.find(file, index, context);
}

function named(error: GlfsError, state: ShardState, { index }: Piece): GlfsError {
  if (index === 0) return error;
  return new GlfsError(error.code, `${error.reason} (block ${index})`, {
    translator: error.translator ?? state.name,
    brick: error.brick,
    outcome: error.outcome,
    cause: error,
  });
}

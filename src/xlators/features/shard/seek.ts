import { GlfsError, isGlfsError } from '../../../errors.ts';
import type { CallContext, Reply, Request } from '../../../graph/index.ts';
import { SeekWhat } from '../../../protocol/messages.ts';
import type { FileState } from './files.ts';
import { type Piece, piecesOf } from './pieces.ts';
import type { ShardState } from './state.ts';
import { type Answer, windPieces } from './wind.ts';

/** Blocks that are asked at once: those behind the answer are asked for nothing. */
const AHEAD = 8;

/**
 * SEEK_DATA and SEEK_HOLE over the blocks (GlusterFS's features/shard refuses them). A missing block is a hole, and so is the end
 * of the file.
 * @throws GlfsError ENXIO where the offset is at or behind the end, or no data come any more
 */
export async function seek(
  state: ShardState,
  file: FileState,
  request: Request<'seek'>,
  context: CallContext,
): Promise<Reply<'seek'>> {
  const { fd, offset, what } = request;
  if (what !== SeekWhat.DATA && what !== SeekWhat.HOLE)
    throw new GlfsError('EINVAL', `nothing to seek by ${what}`, { translator: state.name });
  const { size } = await state.refresh(file, { inode: fd.inode, fd }, context);
  if (offset >= size) throw nothingThere(state);
  let ahead = 1;
  const pieces = piecesOf(offset, size - offset, file.blockSize);
  for (;;) {
    const round = take(pieces, ahead);
    if (round.length === 0) break;
    const answers = await windPieces(state, file, fd, round, false, context, (piece, block, root) =>
      state.child
        .seek({ fd: block, offset: piece.offset, what }, root)
        .then((reply) => reply.offset)
        // Behind the last data of the block, or its end.
        .catch((error: unknown) => orNothing(error)),
    );
    for (const answer of answers) {
      const found = foundIn(answer, what);
      if (found !== undefined) return { offset: offset + answer.piece.start + found };
    }
    ahead = AHEAD;
  }
  if (what === SeekWhat.HOLE) return { offset: size };
  throw nothingThere(state);
}

const NOTHING = -1;

function orNothing(error: unknown): number {
  if (isGlfsError(error, 'ENXIO')) return NOTHING;
  throw error;
}

/** Bytes from the beginning of the piece; undefined: the search goes on in the next one. */
function foundIn({ piece, block, reply, error }: Answer<number>, what: number): number | undefined {
  if (error !== undefined) throw error;
  const hole = what === SeekWhat.HOLE;
  if (block === undefined || reply === undefined || reply === NOTHING) return hole ? 0 : undefined;
  const at = reply - piece.offset;
  return at < piece.size ? at : undefined;
}

function take(pieces: Iterator<Piece>, most: number): Piece[] {
  const taken: Piece[] = [];
  while (taken.length < most) {
    const { value, done } = pieces.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

function nothingThere(state: ShardState): GlfsError {
  return new GlfsError('ENXIO', undefined, { translator: state.name });
}

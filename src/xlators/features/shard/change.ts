import type { GlfsError } from '../../../errors.ts';
import { type CallContext, detached, type Fd } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { account } from './account.ts';
import type { FileState } from './files.ts';
import { inRounds, type Piece } from './pieces.ts';
import type { ShardState } from './state.ts';
import { syncForgotten } from './sync.ts';
import { asSeen, noteWritten } from './times.ts';
import { type Act, type Answer, windPieces } from './wind.ts';

/** What a block says of a change of its data. */
export interface Changed {
  readonly prestat: Iatt;
  readonly poststat: Iatt;
  /** Bytes that were taken. */
  readonly count?: number;
  readonly xdata?: Dict;
}

export interface DataChange {
  readonly fd: Fd;
  /** Bytes, in the file. */
  readonly offset: number;
  readonly pieces: Iterable<Piece>;
  /** Missing blocks are made. */
  readonly make: boolean;
  /** The file ends at the end of the range from now on, if it ended before. */
  readonly extends: boolean;
  /** A part will do; without it anything less than all is an error. */
  readonly partial: boolean;
  readonly act: Act<Changed>;
}

/** Blocks that one call is about at once. */
const AT_ONCE = 16;

/** Makes a change in all blocks of its range, and tells the bricks what became of the file. */
export async function changeData(
  state: ShardState,
  file: FileState,
  change: DataChange,
  context: CallContext,
): Promise<Changed> {
  const answers: Answer<Changed>[] = [];
  await inRounds(change.pieces, AT_ONCE, async (round) => {
    const { fd, make, act } = change;
    const found = await windPieces(state, file, fd, round, make, context, act);
    answers.push(...found);
    return found.every(isWhole);
  });
  return settle(state, file, change, answers, context);
}

export function isWhole({ piece, reply, error }: Answer<Changed>): boolean {
  return error === undefined && (reply?.count ?? piece.size) >= piece.size;
}

/** The block ended before the end of the piece. */
export function isLengthened({ piece, reply }: Answer<Changed>): boolean {
  return reply !== undefined && reply.prestat.size < piece.offset + (reply.count ?? piece.size);
}

/**
 * What counts is what was done without a gap from the front. Blocks behind the first that failed have been written perhaps: what
 * of them lies behind the end of the file must not come to light when it grows.
 */
export async function settle(
  state: ShardState,
  file: FileState,
  { fd, offset, extends: extending, partial }: Omit<DataChange, 'act'>,
  answers: readonly Answer<Changed>[],
  context: CallContext,
): Promise<Changed> {
  const before = { size: file.size, blocks: file.blocks };
  const target = { inode: fd.inode, fd };
  const { count, failure } = frontOf(answers);
  note(state, file, answers);
  syncForgotten(state, context);
  const blocks = grown(answers);
  const done = failure === undefined || (partial && count > 0);
  const end = extending && done ? offset + count : 0;
  const doubtful = end > 0 && answers.some(isLengthened);
  await account(state, file, target, { end, blocks, doubtful }, context);
  if (failure !== undefined && extending) await tidy(state, file, { fd, offset }, answers, context);
  if (!done) throw failure;
  const first = answers.find(({ reply }) => reply !== undefined)?.reply;
  const base = answers.find(({ piece }) => piece.index === 0)?.reply;
  return {
    prestat: asSeen(file, base?.prestat ?? file.base, before),
    poststat: asSeen(file, base?.poststat ?? file.base),
    count,
    ...(first?.xdata === undefined ? {} : { xdata: first.xdata }),
  };
}

/** Bytes from the front that were taken, and what ended them. */
function frontOf(answers: readonly Answer<Changed>[]): { count: number; failure?: GlfsError } {
  let count = 0;
  for (const answer of answers) {
    const { piece, reply, error } = answer;
    if (error !== undefined) return { count, failure: error };
    count += reply?.count ?? piece.size;
    if (!isWhole(answer)) break;
  }
  return { count };
}

/** Remembers what is to be synced, and when it was written. */
function note(state: ShardState, file: FileState, answers: readonly Answer<Changed>[]): void {
  for (const { piece, block, reply } of answers) {
    if (reply === undefined) continue;
    if (piece.index === 0) {
      file.base = reply.poststat;
      continue;
    }
    if (block !== undefined) state.dirty.add(file.gfid, block.gfid);
    noteWritten(file, reply.poststat);
  }
}

/** Takes back what was written behind the end of the file, no more than that: others may be writing next to it. */
async function tidy(
  state: ShardState,
  file: FileState,
  { fd, offset }: Pick<DataChange, 'fd' | 'offset'>,
  answers: readonly Answer<Changed>[],
  context: CallContext,
): Promise<void> {
  const behind = answers.filter(
    ({ piece, reply }) => reply !== undefined && offset + piece.start >= file.size,
  );
  const pieces = behind.map(({ piece }) => piece);
  const punched = await windPieces(state, file, fd, pieces, false, detached(context), (piece, block, root) =>
    state.child.discard({ fd: block, offset: piece.offset, size: piece.size }, root),
  );
  const blocks = grown(punched);
  const failure = punched.find(({ error }) => error !== undefined)?.error;
  if (failure !== undefined)
    state.log.warn(
      { translator: state.name, gfid: fd.inode.toString(), error: failure },
      'bytes behind the end stay',
    );
  await account(state, file, { inode: fd.inode, fd }, { blocks }, context);
}

/** What the blocks grew by, in units of 512 bytes. */
export function grown(answers: readonly Answer<Changed>[]): number {
  return answers.reduce(
    (sum, { reply }) => sum + (reply === undefined ? 0 : reply.poststat.blocks - reply.prestat.blocks),
    0,
  );
}

import { type GlfsError, isGlfsError, toGlfsError } from '../../../errors.ts';
import { asRoot, type CallContext, detached, type Reply } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { account } from './account.ts';
import { blockCountKey } from './attributes.ts';
import type { FileState, Target } from './files.ts';
import { inRounds, lastBlock } from './pieces.ts';
import type { ShardState } from './state.ts';
import { asSeen, touch } from './times.ts';

const MAY_WRITE = 2;

/**
 * Sets the size of a file: blocks behind the end go, the one that has the end in it is cut, and the size is told last. So what a
 * crash leaves in between is a hole, and never old bytes that come to light when the file grows.
 */
export async function truncate(
  state: ShardState,
  file: FileState,
  target: Target,
  size: number,
  context: CallContext,
): Promise<Reply<'truncate'>> {
  const { inode, fd } = target;
  // With an fd its mode has been checked; by path the block that the brick would check may not be touched at all.
  if (fd === undefined && context.uid !== 0)
    await state.child.access({ loc: { inode }, mask: MAY_WRITE }, context);
  const own = detached(context);
  return state.sizeLocks.run(file, target, own, async () => {
    await state.refresh(file, target, own);
    const before = { size: file.size, blocks: file.blocks };
    const prestat = asSeen(file, file.base, before);
    if (size === before.size) return { prestat, poststat: prestat };
    const blocks = size < before.size ? await shrink(state, file, target, size, own) : 0;
    await account(state, file, target, { size, blocks }, own);
    const end = lastBlock(Math.min(size, before.size), file.blockSize);
    if (end > 0 || size > before.size) await touch(state, file, target, own);
    else file.written = undefined;
    return { prestat, poststat: asSeen(file, file.base) };
  });
}

/** @returns by how many units of 512 bytes the blocks grew: none, or less than that. */
async function shrink(
  state: ShardState,
  file: FileState,
  target: Target,
  size: number,
  context: CallContext,
): Promise<number> {
  const end = lastBlock(size, file.blockSize);
  const last = lastBlock(file.size, file.blockSize);
  const { freed, failure } = await removeBlocks(state, file, end + 1, last, context);
  if (failure !== undefined) {
    // The file is as long as before, with a hole at its end.
    await account(state, file, target, { blocks: -freed }, context);
    throw failure;
  }
  const grown = await cutBlock(state, file, target, end, size - end * file.blockSize, context);
  return grown - freed;
}

export interface Removal {
  /** What the blocks had, in units of 512 bytes. */
  readonly freed: number;
  /** Why it ended before its end. */
  readonly failure?: GlfsError;
}

/** Removes blocks from the last to the first, `shard-deletion-rate` at once. Never rejects. */
export async function removeBlocks(
  state: ShardState,
  file: FileState,
  first: number,
  last: number,
  context: CallContext,
): Promise<Removal> {
  let freed = 0;
  let failure: GlfsError | undefined;
  await inRounds(downwards(last, first), state.options['shard-deletion-rate'], async (round) => {
    const settled = await Promise.allSettled(round.map((index) => removeBlock(state, file, index, context)));
    for (const one of settled) {
      if (one.status === 'fulfilled') freed += one.value;
      else failure ??= toGlfsError(one.reason);
    }
    return failure === undefined;
  });
  return { freed, failure };
}

function* downwards(last: number, first: number): Generator<number> {
  for (let index = last; index >= first; index--) yield index;
}

async function removeBlock(
  state: ShardState,
  file: FileState,
  index: number,
  context: CallContext,
): Promise<number> {
  const loc = await state.blocks.locate(file, index, context);
  if (loc === undefined) return 0;
  const xdata = new Dict().setEntry(blockCountKey.name, { type: 'uint', value: 64n });
  try {
    const reply = await state.child.unlink({ loc, xflags: 0, xdata }, asRoot(context));
    return reply.xdata?.get(blockCountKey) ?? 0;
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE')) return 0;
    throw error;
  } finally {
    state.blocks.forget(file, index);
  }
}

/** A block that is missing has nothing to be cut. @returns by how many units of 512 bytes it grew. */
async function cutBlock(
  state: ShardState,
  file: FileState,
  { inode, fd }: Target,
  index: number,
  offset: number,
  context: CallContext,
): Promise<number> {
  const root = asRoot(context);
  if (index === 0) {
    const usable = fd !== undefined && (fd.flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY;
    const cut = usable
      ? await state.child.ftruncate({ fd, offset }, root)
      : await state.child.truncate({ loc: { inode }, offset }, root);
    file.base = cut.poststat;
    return cut.poststat.blocks - cut.prestat.blocks;
  }
  const block = await state.blocks.find(file, index, context);
  if (block === undefined) return 0;
  try {
    const { prestat, poststat } = await state.child.truncate({ loc: { inode: block }, offset }, root);
    state.dirty.add(file.gfid, block.gfid);
    return poststat.blocks - prestat.blocks;
  } catch (error) {
    if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
    state.blocks.forget(file, index);
    return 0;
  }
}

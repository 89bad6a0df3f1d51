import { isGlfsError, toGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  detached,
  Fd,
  Inode,
  type Reply,
  type Request,
} from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import type { FileState } from './files.ts';
import { inRounds } from './pieces.ts';
import type { ShardState } from './state.ts';
import { asSeen, settleTimes } from './times.ts';

/** Blocks that are synced at once. */
const AT_ONCE = 32;

/** FSYNC of block 0 and of all blocks that this client has written since the last one. What fails stays to be synced. */
export async function fsync(
  state: ShardState,
  file: FileState,
  request: Request<'fsync'>,
  context: CallContext,
): Promise<Reply<'fsync'>> {
  const { fd, datasync } = request;
  await settleTimes(state, file, { inode: fd.inode, fd }, context);
  const [base] = await Promise.allSettled([
    state.child.fsync(request, context),
    syncBlocks(state, file.gfid, datasync, context),
  ]).then((settled) => {
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed === undefined) return settled;
    throw toGlfsError(failed.reason);
  });
  const { prestat, poststat, xdata } = (base as PromiseFulfilledResult<Reply<'fsync'>>).value;
  return { prestat: asSeen(file, prestat), poststat: asSeen(file, poststat), xdata };
}

/** As GlusterFS does with blocks that it can't remember any longer: they are synced now, so that no fsync has to know of them. */
export function syncForgotten(state: ShardState, context: CallContext): void {
  const old = state.dirty.oldest(state.options['shard-lru-limit']);
  if (old === undefined) return;
  syncBlocks(state, old, 1, detached(context)).catch((error: unknown) => {
    state.log.warn({ translator: state.name, error }, 'blocks could not be synced');
  });
}

function syncBlocks(state: ShardState, file: Gfid, datasync: number, context: CallContext): Promise<void> {
  return state.dirty.inTurn(file, () => syncTaken(state, file, state.dirty.take(file), datasync, context));
}

async function syncTaken(
  state: ShardState,
  file: Gfid,
  blocks: readonly Gfid[],
  datasync: number,
  context: CallContext,
): Promise<void> {
  const left = new Set(blocks);
  let failure: unknown;
  try {
    await inRounds(blocks, AT_ONCE, async (round) => {
      const settled = await Promise.allSettled(
        round.map(async (block) => {
          await syncBlock(state, block, datasync, context);
          left.delete(block);
        }),
      );
      failure = settled.find((one) => one.status === 'rejected')?.reason;
      return failure === undefined;
    });
  } finally {
    for (const block of left) state.dirty.add(file, block);
  }
  if (failure !== undefined) throw failure;
}

async function syncBlock(
  state: ShardState,
  block: Gfid,
  datasync: number,
  context: CallContext,
): Promise<void> {
  const fd = new Fd(new Inode(block, 'file'), OpenFlag.RDWR, true);
  try {
    await state.child.fsync({ fd, datasync }, asRoot(context));
  } catch (error) {
    // It was cut off: there is nothing to be kept of it.
    if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
  }
}

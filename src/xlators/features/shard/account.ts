import { asRoot, type CallContext, detached } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { XattropFlag } from '../../../protocol/messages.ts';
import { decodeFileSize, encodeFileSize, type FileSize, fileSizeKey } from './attributes.ts';
import type { FileState, Target } from './files.ts';
import type { ShardState } from './state.ts';

/** What a change did to a file. */
export interface Change {
  /** Where the file ends at least from now on, in bytes. */
  readonly end?: number;
  /** Where it ends from now on. */
  readonly size?: number;
  /** Units of 512 bytes that its blocks grew by. */
  readonly blocks: number;
  /** A block was shorter than it should have been: somebody may have cut the file. */
  readonly doubtful?: boolean;
}

/**
 * Tells the bricks what became of a file's size: by differences, so that what several clients did at once adds up. To change
 * the size takes the lock of sizes; the number of blocks doesn't.
 */
export async function account(
  state: ShardState,
  file: FileState,
  target: Target,
  { end = 0, size, blocks, doubtful = false }: Change,
  context: CallContext,
): Promise<void> {
  const wanted = size ?? Math.max(file.size, end);
  const delta = wanted - file.size;
  // Adding nothing tells what there is.
  if (delta === 0 && blocks === 0 && !doubtful) return;
  const alone = file.changing === 0;
  const counts = delta === 0 ? 0 : 1;
  file.version += counts;
  file.changing += counts;
  const { version } = file;
  file.size = wanted;
  if (delta > 0 && file.unlinked) file.outgrown = true;
  try {
    const now = await add(state, target, { size: delta, blocks }, context);
    if (now === undefined) return;
    file.blocks = now.blocks;
    if (alone && file.version === version)
      await agree(state, file, target, { now, delta, end, size }, context);
  } catch (error) {
    // Whoever comes next asks the bricks.
    file.size -= delta;
    state.sizeLocks.contended(file.gfid);
    throw error;
  } finally {
    file.changing -= counts;
  }
}

/**
 * Clients that know nothing of the lock (GlusterFS's own) may have extended the file meanwhile, or cut it: then too much was added,
 * or too little. The sum tells.
 */
async function agree(
  state: ShardState,
  file: FileState,
  target: Target,
  { now, delta, end, size }: { now: FileSize; delta: number; end: number; size: number | undefined },
  context: CallContext,
): Promise<void> {
  if (now.size === file.size) return;
  const before = now.size - delta;
  const right = size === undefined ? Math.max(before, end) : now.size;
  if (right !== now.size) await add(state, target, { size: right - now.size, blocks: 0 }, context);
  file.size = right;
}

async function add(
  state: ShardState,
  { inode, fd }: Target,
  difference: FileSize,
  context: CallContext,
): Promise<FileSize | undefined> {
  const dict = new Dict().set(fileSizeKey, encodeFileSize(difference));
  const operation = XattropFlag.ADD_ARRAY64;
  // What the blocks hold by now must not be lost because the caller has left.
  const root = asRoot(detached(context));
  const reply =
    fd === undefined
      ? await state.child.xattrop({ loc: { inode }, operation, dict }, root)
      : await state.child.fxattrop({ fd, operation, dict }, root);
  return decodeFileSize(reply.dict);
}

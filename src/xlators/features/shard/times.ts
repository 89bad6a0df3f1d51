import { asRoot, type CallContext, detached } from '../../../graph/index.ts';
import { compareTimes, emptyIatt, type Iatt } from '../../../protocol/iatt.ts';
import { SetattrValid } from '../../../protocol/messages.ts';
import { withSize } from './attributes.ts';
import type { FileState, Target } from './files.ts';
import type { ShardState } from './state.ts';

/*
 * A write to block 5 moves the times of block 5, where nobody sees them. GlusterFS's clients show them as long as they remember
 * them, each its own; here they are told to block 0 as well, when the file is flushed or synced.
 */

/** A block that is not block 0 was written. */
export function noteWritten(file: FileState, block: Iatt): void {
  if (newer(block, file.written ?? file.base)) file.written = block;
}

function newer(a: Iatt, b: Iatt): boolean {
  return compareTimes(a.mtime, a.mtimeNsec, b.mtime, b.mtimeNsec) > 0;
}

/** Somebody has set the times, or block 0 has newer ones. */
export function forgetWritten(file: FileState): void {
  file.written = undefined;
}

/** The file as applications see it: size and blocks as given, times of the block that was written last. */
export function asSeen(file: FileState, stat: Iatt, size: { size: number; blocks: number } = file): Iatt {
  const { written } = file;
  const seen = withSize(stat, size);
  if (written === undefined) return seen;
  if (!newer(written, stat)) return seen;
  const { mtime, mtimeNsec, ctime, ctimeNsec } = written;
  const changed = compareTimes(ctime, ctimeNsec, stat.ctime, stat.ctimeNsec) > 0;
  return { ...seen, mtime, mtimeNsec, ...(changed ? { ctime, ctimeNsec } : {}) };
}

/** Tells block 0 when the file was written last. What fails here is no failure of the caller's. */
export async function settleTimes(
  state: ShardState,
  file: FileState,
  { inode, fd }: Target,
  context: CallContext,
): Promise<void> {
  const { written } = file;
  if (written === undefined) return;
  file.written = undefined;
  const { mtime, mtimeNsec } = written;
  await setTime(state, { inode, fd }, { mtime, mtimeNsec }, context).catch((error: unknown) => {
    file.written ??= written;
    state.log.debug(
      { translator: state.name, gfid: inode.toString(), error },
      'the time of the last write is not kept',
    );
  });
}

/** A change of the size alone touches no block: block 0 gets its time. */
export async function touch(
  state: ShardState,
  file: FileState,
  target: Target,
  context: CallContext,
): Promise<void> {
  const { stamp } = context;
  const now = Date.now();
  const mtime = BigInt(stamp?.seconds ?? Math.floor(now / 1000));
  const mtimeNsec = stamp?.nanoseconds ?? (now % 1000) * 1_000_000;
  const stat = await setTime(state, target, { mtime, mtimeNsec }, context);
  file.written = undefined;
  if (stat !== undefined) file.base = stat;
}

async function setTime(
  state: ShardState,
  { inode, fd }: Target,
  time: Pick<Iatt, 'mtime' | 'mtimeNsec'>,
  context: CallContext,
): Promise<Iatt | undefined> {
  const stat = { ...emptyIatt(), ...time };
  const valid = SetattrValid.MTIME;
  const root = asRoot(detached(context));
  const reply =
    fd === undefined
      ? await state.child.setattr({ loc: { inode }, stat, valid }, root)
      : await state.child.fsetattr({ fd, stat, valid }, root);
  return reply.poststat;
}

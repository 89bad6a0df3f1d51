import { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Reply } from '../../../graph/index.ts';
import { type Dict, withKey } from '../../../protocol/dict.ts';
import { keys } from '../../../protocol/keys.ts';
import { type Changed, changeData, type DataChange } from './change.ts';
import type { FileState } from './files.ts';
import { lastBlock, piecesOf } from './pieces.ts';
import type { ShardState } from './state.ts';
import { asSeen } from './times.ts';
import type { Act } from './wind.ts';

interface Range {
  readonly fd: Fd;
  readonly offset: number;
  readonly size: number;
  readonly xdata?: Dict;
}

/** FALLOCATE's flags, as fallocate(2) has them. */
const KEEP_SIZE = 0x01;
const PUNCH_HOLE = 0x02;
const ZERO_RANGE = 0x10;

/**
 * Gives a range its space. Flags that mean something else are passed on to it.
 * @throws GlfsError EOPNOTSUPP for room in blocks behind the end of the file: nobody would know of them when it is removed
 */
export async function fallocate(
  state: ShardState,
  file: FileState,
  request: Range & { readonly flags: number },
  context: CallContext,
): Promise<Reply<'fallocate'>> {
  const { flags } = request;
  if (flags === ZERO_RANGE) return zerofill(state, file, request, context);
  if (flags === (KEEP_SIZE | PUNCH_HOLE)) return discard(state, file, request, context);
  if (flags !== 0 && flags !== KEEP_SIZE)
    throw new GlfsError('EOPNOTSUPP', `fallocate with flags ${flags}`, { translator: state.name });
  const keep = flags === KEEP_SIZE;
  return locked(state, file, request, context, () => {
    const end = request.offset + request.size;
    if (keep && lastBlock(end, file.blockSize) > lastBlock(file.size, file.blockSize))
      throw new GlfsError('EOPNOTSUPP', 'room behind the last block of the file', { translator: state.name });
    const act: Act<Changed> = ({ offset, size }, fd, root) =>
      state.child.fallocate({ fd, offset, size, flags, xdata: atomic(request) }, root);
    return change(state, file, request, { make: true, extends: !keep, act }, context);
  });
}

/** Makes a range zeros; the file grows where it ends earlier. */
export async function zerofill(
  state: ShardState,
  file: FileState,
  request: Range,
  context: CallContext,
): Promise<Reply<'zerofill'>> {
  return locked(state, file, request, context, () => {
    const act: Act<Changed> = ({ offset, size }, fd, root) =>
      state.child.zerofill({ fd, offset, size, xdata: atomic(request) }, root);
    return change(state, file, request, { make: true, extends: true, act }, context);
  });
}

/** Gives back the space of a range: the size stays, and blocks that are missing are holes already. */
export async function discard(
  state: ShardState,
  file: FileState,
  request: Range,
  context: CallContext,
): Promise<Reply<'discard'>> {
  const { fd, offset } = request;
  const { size: end } = await state.refresh(file, { inode: fd.inode, fd }, context);
  const size = Math.min(request.size, Math.max(0, end - offset));
  if (size === 0) {
    const stat = asSeen(file, file.base);
    return { prestat: stat, poststat: stat };
  }
  const act: Act<Changed> = (piece, block, root) =>
    state.child.discard({ fd: block, offset: piece.offset, size: piece.size, xdata: atomic(request) }, root);
  return change(state, file, { ...request, size }, { make: false, extends: false, act }, context);
}

function locked<T>(
  state: ShardState,
  file: FileState,
  { fd }: Range,
  context: CallContext,
  run: () => Promise<T>,
): Promise<T> {
  return state.sizeLocks.run(file, { inode: fd.inode, fd }, context, async () => run());
}

function change(
  state: ShardState,
  file: FileState,
  { fd, offset, size }: Range,
  how: Pick<DataChange, 'make' | 'extends' | 'act'>,
  context: CallContext,
): Promise<Changed> {
  const pieces = piecesOf(offset, size, file.blockSize);
  return changeData(state, file, { fd, offset, pieces, partial: false, ...how }, context);
}

/** What a block had before and has after are of this call alone. */
function atomic({ xdata }: Range): Dict {
  return withKey(xdata, keys.writeUpdateAtomic, 4);
}

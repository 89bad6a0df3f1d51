import { GlfsError, isGlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { rangeBytes } from './layout.ts';
import { readLayout } from './layout-heal.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';

/** A parent whose layout changes more often than this while one entry is made: something else is wrong. */
const MAX_CHANGES = 8;

/**
 * What a brick compares with the parent's layout attribute before it makes an entry: the range by which we came to choose
 * it. If a rebalance has changed the ranges since, it refuses with EIO.
 */
export function parentChecks(state: DistributeState, parent: Inode, hashed: Subvolume): Dict {
  const range = state.layoutOf(parent)?.rangeOf(hashed);
  if (range === undefined) return new Dict();
  const { layout } = state.attributes;
  return new Dict().set(marks.preopName, layout.name).set(layout, rangeBytes(range));
}

/**
 * Makes an entry where its name hashes to; `make` gets that subvolume and the keys to send. When the brick finds the
 * parent's layout changed, it is read again and the entry made where it belongs by then.
 * @throws GlfsError what `make` throws, EIO too where the layout has not changed.
 */
export async function withParentCheck<T>(
  state: DistributeState,
  parent: Inode,
  name: string,
  context: CallContext,
  make: (hashed: Subvolume, checks: Dict) => Promise<T>,
): Promise<T> {
  for (let changes = 0; ; changes++) {
    const hashed = await state.hashedChild(parent, name, context);
    const before = state.layoutOf(parent)?.rangeOf(hashed);
    try {
      return await make(hashed, parentChecks(state, parent, hashed));
    } catch (error) {
      // The reply says more than EIO only in its xdata; that the layout has changed says the same.
      if (!isGlfsError(error, 'EIO') || error.outcome === 'unknown' || changes >= MAX_CHANGES) throw error;
      const layout = await refreshLayout(state, parent, context);
      const after = layout.rangeOf(hashed);
      const same =
        before !== undefined &&
        after !== undefined &&
        Buffer.compare(rangeBytes(before), rangeBytes(after)) === 0;
      if (same) throw error;
    }
  }
}

/** Reads a directory's layout again. @throws GlfsError ENOENT where no subvolume has the directory any more. */
export async function refreshLayout(
  state: DistributeState,
  directory: Inode,
  context: CallContext,
): ReturnType<typeof readLayout> {
  const layout = await readLayout(state, directory, context);
  if (layout.present.length === 0) {
    throw layout.down === undefined
      ? new GlfsError('ENOENT', undefined, { translator: state.name })
      : state.downError(layout.down);
  }
  state.setLayout(directory, layout);
  return layout;
}

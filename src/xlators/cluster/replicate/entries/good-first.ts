import { GlfsError, toGlfsError } from '../../../../errors.ts';
import type { CallContext, Inode, Subvolume } from '../../../../graph/index.ts';
import { has, NO_CHILDREN } from '../../children.ts';
import type { ReplicateState } from '../state.ts';

type Wind<R> = (child: Subvolume, context: CallContext, index: number) => Promise<R>;

/**
 * Good copies decide what names there are. A copy whose directories are known to be behind may find a name free that is
 * taken, or a directory empty that is not: it is asked when the others have answered, and not at all where all of these
 * refuse. While no copy is behind, all are asked at once.
 */
export function goodFirst<R>(state: ReplicateState, directories: readonly Inode[], wind: Wind<R>): Wind<R> {
  const good: Promise<R>[] = [];
  return async (child, context, index) => {
    if (directories.every((directory) => isGood(state, directory, index))) {
      const call = wind(child, context, index);
      good.push(call);
      return call;
    }
    // All are called in one tick: after it the list is complete.
    await undefined;
    const said = await Promise.allSettled(good);
    const refusals = said.flatMap((each) => (each.status === 'rejected' ? toGlfsError(each.reason) : []));
    if (refusals.length > 0 && refusals.length === said.length && refusals.every(isSure)) throw refusals[0]!;
    try {
      return await wind(child, context, index);
    } catch (thrown) {
      throw ofStale(toGlfsError(thrown));
    }
  };
}

/** Where nothing is known, or no copy is good, all are alike. */
function isGood(state: ReplicateState, directory: Inode, index: number): boolean {
  if (!directory.known) return true;
  const readable = state.file(directory).readable('data');
  return readable === NO_CHILDREN || has(readable, index) || index === state.arbiter;
}

/** Nothing has been done. */
function isSure({ code, outcome }: GlfsError): boolean {
  return code !== 'ENOTCONN' && outcome === 'failed';
}

/** That a copy which is behind has names left speaks against it, and not for the names. */
function ofStale(error: GlfsError): GlfsError {
  if (error.code !== 'ENOTEMPTY') return error;
  return new GlfsError('EIO', 'a copy that is behind has names that the others have not', { cause: error });
}

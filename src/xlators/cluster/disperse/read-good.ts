import { type ErrnoCode, type GlfsError, toGlfsError } from '../../../errors.ts';
import { type CallContext, type Fd, type Inode, type Subvolume, throwIfEnded } from '../../../graph/index.ts';
import { readOrder } from './read-policy.ts';
import type { DisperseState } from './state.ts';

/** One read that is not of data, from whichever subvolume is good. */
export interface Reading<T> {
  readonly inode: Inode;
  readonly fd?: Fd;
  read(child: Subvolume): Promise<T>;
}

/** Errors after which another one may have the answer. */
const ELSEWHERE: readonly ErrnoCode[] = ['ENOTCONN', 'ESTALE', 'ENOENT', 'EBADFD', 'EBADF', 'EIO'];

/**
 * Reads under the lock from one that is good, in the order of `read-policy`, and from the next where that fails.
 * @throws GlfsError what the last one said
 */
export function readGood<T>(
  state: DisperseState,
  { inode, fd, read }: Reading<T>,
  context: CallContext,
): Promise<{ readonly reply: T; readonly index: number }> {
  return state.locks.run([{ inode, fd, shared: true, query: true }], context, async ([held]) => {
    let last: GlfsError = state.tooFew(held!.good);
    for (const index of readOrder(state, inode, held!.good)) {
      try {
        return { reply: await read(state.children[index]!), index };
      } catch (thrown) {
        throwIfEnded(context);
        last = toGlfsError(thrown);
        if (!ELSEWHERE.includes(last.code) && last.outcome !== 'unknown') throw last;
      }
    }
    throw last;
  });
}

import type { CallContext, Inode, Reply } from '../../../../graph/index.ts';
import type { CopyAnswer } from '../operation.ts';
import type { ReplicateState } from '../state.ts';

/**
 * A name that some copies have and others don't, or that means different files: made the same on all where the copies can
 * say what is right. Answers whether anything was changed, so that the lookup asks again.
 * @throws GlfsError EIO where the copies mean different files and none is known to be right.
 */
export function healName(
  _state: ReplicateState,
  _parent: Inode,
  _name: string,
  _answers: readonly (CopyAnswer<'lookup'> | undefined)[],
  _context: CallContext,
): Promise<boolean> {
  return Promise.resolve(false);
}

export type LookupReply = Reply<'lookup'>;

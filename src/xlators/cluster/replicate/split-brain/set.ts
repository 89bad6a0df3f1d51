import type { CallContext, Reply, Request } from '../../../../graph/index.ts';
import type { ReplicateState } from '../state.ts';

/** Orders to replicate itself in the guise of attributes; undefined where there is none among them. */
export function splitBrainSetxattr(
  _state: ReplicateState,
  _request: Request<'setxattr'>,
  _context: CallContext,
): Promise<Reply<'setxattr'>> | undefined {
  return undefined;
}

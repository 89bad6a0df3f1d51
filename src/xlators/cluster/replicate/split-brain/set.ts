import type { CallContext, Reply, Request } from '../../../../graph/index.ts';
import type { ReplicateState } from '../state.ts';

/** Undefined for attributes that are no orders about split-brain. */
export function splitBrainSetxattr(
  _state: ReplicateState,
  _request: Request<'setxattr'>,
  _context: CallContext,
): Promise<Reply<'setxattr'>> | undefined {
  return undefined;
}

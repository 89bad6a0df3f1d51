import { setImmediate as turn } from 'node:timers/promises';
import { isGlfsError } from '../../errors.ts';

/**
 * For what a call has failed with: whoever tries again at once, and again, must not keep sockets and timers from their turn.
 * Members could never come back.
 */
export async function inTurn(error: unknown): Promise<never> {
  if (isGlfsError(error, 'ENOTCONN')) await turn();
  throw error;
}

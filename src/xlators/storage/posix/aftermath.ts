import type { Logger } from '../../../logger.ts';
import { hostError } from './host-error.ts';

/**
 * What follows an act that can't be taken back: a call that has done what it was asked for must not fail for it, or its caller
 * believes that nothing has happened. What is left undone is mended by a lookup, or at the next start.
 */
export function afterwards(brick: { readonly name: string; readonly log: Logger }, step: () => void): void {
  try {
    step();
  } catch (error) {
    const { code, message } = hostError(error);
    brick.log.error(
      { brick: brick.name, code, reason: message },
      'a call was done, but left something behind',
    );
  }
}

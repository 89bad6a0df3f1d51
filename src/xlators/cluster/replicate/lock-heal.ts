import type { ReplicateState } from './state.ts';

/**
 * Takes the applications' locks on a copy that has come (back). Undefined where there are none: the copy may take part at
 * once. The promise never rejects: fds whose locks can't be had are poisoned.
 */
export function healLocks(_state: ReplicateState, _index: number): Promise<void> | undefined {
  return undefined;
}

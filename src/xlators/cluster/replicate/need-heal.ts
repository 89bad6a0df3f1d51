import type { ReplicateState } from './state.ts';

/* Whether any copy has had anything to heal when it was last asked: then listings can't be trusted with attributes. */

const pending = new WeakMap<ReplicateState, boolean>();

export function needsHeal(state: ReplicateState, whether: boolean): void {
  pending.set(state, whether);
}

export function mayNeedHeal(state: ReplicateState): boolean {
  return pending.get(state) ?? true;
}

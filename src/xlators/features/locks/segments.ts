import { LockType } from '../../../protocol/messages.ts';
import type { Owner } from './owner.ts';
import { cover, overlap, type Range, without } from './range.ts';

/** A byte range that an owner has locked as fcntl does, or wants to. */
export interface Segment extends Range {
  readonly owner: Owner;
  /** LockType. */
  readonly type: number;
  /** `glusterfs.lk.lkmode`: 1 for a mandatory lock. */
  readonly mode: number;
  /** `l_pid` as the caller gave it. */
  readonly pid: number;
  /** The open file that it came by: release drops it. */
  readonly fd: object | undefined;
  /** Id of the client that it belongs to, where a rebalance brought it here. */
  readonly clientId: string;
}

/** Two locks of different owners that can't be side by side. */
export function collide(a: Segment, b: Segment): boolean {
  return (
    a.owner.id !== b.owner.id && overlap(a, b) && (a.type === LockType.WRITE || b.type === LockType.WRITE)
  );
}

/** Is `wanted` kept out by what `held` has? What unlocks is never kept out. */
export function isKeptOut(held: readonly Segment[], wanted: Segment): boolean {
  return wanted.type !== LockType.UNLOCK && held.some((each) => collide(each, wanted));
}

/**
 * The locks of a file after `lock` was granted or given back: it replaces what its owner had there, of any type, splits what
 * it only touches, and grows together with what overlaps and is of its kind. Neighbours that merely touch stay apart.
 */
export function place(held: readonly Segment[], lock: Segment): Segment[] {
  const result: Segment[] = [];
  let grown = lock;
  for (const each of held) {
    if (each.owner.id !== lock.owner.id || !overlap(each, lock)) result.push(each);
    else if (each.type === lock.type && each.mode === lock.mode) grown = { ...grown, ...cover(grown, each) };
    else for (const range of without(each, lock)) result.push({ ...each, ...range });
  }
  if (lock.type !== LockType.UNLOCK) result.push(grown);
  return result;
}

import type { Inode } from '../../../graph/index.ts';
import { type ChildSet, has } from '../children.ts';
import { superFastHash } from '../super-fast-hash.ts';
import type { DisperseState } from './state.ts';

/** Where the next read begins with `round-robin`. */
const turns = new WeakMap<DisperseState, number>();

/** `read-policy`: the subvolume whose turn it is, whether it can be read or not. */
const policies: Readonly<
  Record<DisperseState['options']['read-policy'], (state: DisperseState, inode: Inode) => number>
> = {
  // All clients read the same fragments of a file: the caches of the bricks serve them all.
  'gfid-hash': ({ children }, { gfid }) => superFastHash(gfid) % children.length,
  'round-robin': (state) => {
    const turn = ((turns.get(state) ?? 0) + 1) % state.children.length;
    turns.set(state, turn);
    return turn;
  },
};

/** Positions of `set` in the order in which they should be read: from the one whose turn it is, and round. */
export function readOrder(state: DisperseState, inode: Inode, set: ChildSet): number[] {
  const first = policies[state.options['read-policy']](state, inode);
  const count = state.children.length;
  return Array.from({ length: count }, (_, step) => (first + step) % count).filter((index) =>
    has(set, index),
  );
}

import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import { type ChildSet, NO_CHILDREN } from './children.ts';

/** What can be read from a copy: `data` are a file's bytes and a directory's entries, `metadata` all the rest. */
export type ReadKind = 'data' | 'metadata';

/** Which copies of a file are good, as far as this client knows. */
export interface Copies {
  /** Copies that no other accuses, and that were there to say so. Empty for split-brain. */
  readonly data: ChildSet;
  readonly metadata: ChildSet;
  /** Copies accuse each other in such a way that none is left. */
  readonly splitBrain: { readonly data: boolean; readonly metadata: boolean };
}

/**
 * What replicate knows of one file, by its gfid and not on the inode: a later lookup's inode must not wipe out that a copy
 * has just been accused.
 */
export class FileState {
  copies: Copies | undefined;
  /** Number of the subvolumes' comings and goings (`ReplicateState.generation`) at which `copies` were learnt. */
  generation = -1;
  /**
   * Grows when a copy is accused or what is known is thrown away: an answer that was asked for under a lower version must
   * not become `copies`.
   */
  version = 0;
  /** Whose copy the administrator reads in split-brain: replica.split-brain-choice. */
  choice: number | undefined;
  /** Those for whom this state must not go: transactions, locks, open fds, heals. */
  pins = 0;

  constructor(readonly gfid: Gfid) {}

  /** Takes over what a lookup or refresh has found, unless something has happened since it began. */
  learn(copies: Copies, asked: { readonly version: number; readonly generation: number }): boolean {
    if (asked.version !== this.version) return false;
    this.copies = copies;
    this.generation = asked.generation;
    return true;
  }

  /** These copies failed to take part in a change: from now on nothing is read from them. */
  accuse(kind: ReadKind, children: ChildSet): void {
    this.version++;
    if (this.copies === undefined) return;
    this.copies = { ...this.copies, [kind]: this.copies[kind] & ~children };
  }

  /** What is known no longer holds: the next reader asks all copies. */
  forget(): void {
    this.version++;
    this.generation = -1;
  }

  readable(kind: ReadKind): ChildSet {
    return this.copies?.[kind] ?? NO_CHILDREN;
  }
}

/** The states of files in use, and of as many others as fit. What is dropped is asked for again. */
export class FileStates {
  private readonly states = new Map<string, FileState>();

  constructor(private readonly most: number) {}

  of(gfid: Gfid): FileState {
    const key = gfidKey(gfid);
    const known = this.states.get(key);
    if (known !== undefined) {
      this.states.delete(key);
      this.states.set(key, known);
      return known;
    }
    const state = new FileState(gfid);
    this.states.set(key, state);
    if (this.states.size > this.most) this.evict();
    return state;
  }

  get size(): number {
    return this.states.size;
  }

  /** The file is gone from all copies. */
  drop(gfid: Gfid): void {
    const key = gfidKey(gfid);
    if (this.states.get(key)?.pins === 0) this.states.delete(key);
  }

  /** The oldest that nobody needs; where all are needed the map grows. */
  private evict(): void {
    for (const [key, state] of this.states) {
      if (state.pins > 0) continue;
      this.states.delete(key);
      return;
    }
  }
}

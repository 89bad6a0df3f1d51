import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import { type ChildSet, has, NO_CHILDREN } from '../children.ts';

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

/** When copies were asked: what their answers may be held against. */
export interface Asked {
  readonly version: number;
  readonly generation: number;
}

/**
 * One clock for all files: whoever asks for a name learns only from the answers which file it is, and must be able to tell
 * what has happened to that one since.
 */
let clock = 0;

/** A change under way: the copies that will lack it. */
export interface Unmarked {
  readonly kind: ReadKind;
  children: ChildSet;
}

/**
 * What replicate knows of one file, by its gfid and not on the inode: a later lookup's inode must not wipe out that a copy
 * has just been accused.
 */
export class FileState {
  /** Changes that some copies lack and whose marks are not on disk yet. */
  private readonly unmarked = new Set<Unmarked>();
  copies: Copies | undefined;
  /** Number of the subvolumes' comings and goings (`ReplicateState.generation`) at which `copies` were learnt. */
  generation = -1;
  /** Time at which what is known was last thrown away: answers that were asked for before must not become `copies`. */
  private forgotten: number;
  /** By position: when a copy was last accused. Answers that were asked for before can't tell of it. */
  private readonly accusedAt: Readonly<Record<ReadKind, number[]>> = { data: [], metadata: [] };
  private lastAccused = 0;
  /** Whose copy the administrator reads in split-brain: replica.split-brain-choice. */
  choice: number | undefined;
  /** Until then another client is expected to want the file's locks again: milliseconds of performance.now(). */
  sharedUntil = 0;
  /** Those for whom this state must not go: transactions, locks, open fds, heals. */
  pins = 0;

  constructor(
    readonly gfid: Gfid,
    forgotten = 0,
  ) {
    this.forgotten = forgotten;
  }

  /** Time of the last accusation, or of what has thrown away what was known. */
  get version(): number {
    return Math.max(this.forgotten, this.lastAccused);
  }

  /**
   * Takes over what a lookup or refresh has found, but for copies that have been accused since it began.
   * Answers false, and takes nothing over, where what is known was thrown away since.
   */
  learn(copies: Copies, asked: Asked): boolean {
    if (asked.version < this.forgotten) return false;
    this.copies = copies;
    this.generation = asked.generation;
    for (const { kind, children } of this.unmarked) this.without(kind, children);
    for (const kind of ['data', 'metadata'] as const) {
      for (const [index, at] of this.accusedAt[kind].entries()) {
        if (at > asked.version) this.without(kind, 1 << index);
      }
    }
    return true;
  }

  /** Until `marked`, what copies say of each other is not the whole truth: nothing is read from `change.children`. */
  unmark(change: Unmarked): void {
    this.unmarked.add(change);
    this.pins++;
  }

  /** What is to be said of the change is on disk. Answers that were asked for before that must not become `copies`. */
  marked(change: Unmarked): void {
    if (!this.unmarked.delete(change)) return;
    this.pins--;
    if (change.children !== 0) this.accuse(change.kind, change.children);
  }

  /** These copies failed to take part in a change: from now on nothing is read from them. */
  accuse(kind: ReadKind, children: ChildSet): void {
    this.lastAccused = ++clock;
    for (let index = 0; children >> index !== 0; index++) {
      if (has(children, index)) this.accusedAt[kind][index] = this.lastAccused;
    }
    this.without(kind, children);
  }

  private without(kind: ReadKind, children: ChildSet): void {
    if (this.copies === undefined || (this.copies[kind] & children) === 0) return;
    this.copies = { ...this.copies, [kind]: this.copies[kind] & ~children };
  }

  /** What is known no longer holds: the next reader asks all copies. */
  forget(): void {
    this.forgotten = ++clock;
    this.generation = -1;
  }

  readable(kind: ReadKind): ChildSet {
    return this.copies?.[kind] ?? NO_CHILDREN;
  }
}

/** The states of files in use, and of as many others as fit. What is dropped is asked for again. */
export class FileStates {
  private readonly states = new Map<string, FileState>();
  /** Latest version of a state that was dropped: one that is made anew must not believe answers from before. */
  private dropped = 0;

  constructor(private readonly most: number) {}

  of(gfid: Gfid): FileState {
    const key = gfidKey(gfid);
    const known = this.states.get(key);
    if (known !== undefined) {
      this.states.delete(key);
      this.states.set(key, known);
      return known;
    }
    const state = new FileState(gfid, this.dropped);
    this.states.set(key, state);
    if (this.states.size > this.most) this.evict();
    return state;
  }

  /** The state of a file, if there is one. */
  known(gfid: Gfid): FileState | undefined {
    return this.states.get(gfidKey(gfid));
  }

  /** To be taken before copies are asked, with the generation of then. */
  asked(generation: number): Asked {
    return { version: clock, generation };
  }

  get size(): number {
    return this.states.size;
  }

  /** The file is gone from all copies. */
  drop(gfid: Gfid): void {
    const key = gfidKey(gfid);
    const state = this.states.get(key);
    if (state?.pins === 0) this.remove(key, state);
  }

  /** The oldest that nobody needs; where all are needed the map grows. */
  private evict(): void {
    for (const [key, state] of this.states) {
      if (state.pins > 0) continue;
      this.remove(key, state);
      return;
    }
  }

  private remove(key: string, state: FileState): void {
    this.dropped = Math.max(this.dropped, state.version);
    this.states.delete(key);
  }
}

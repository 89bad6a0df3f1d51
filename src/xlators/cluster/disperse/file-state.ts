import type { GlfsError } from '../../../errors.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import { type ChildSet, NO_CHILDREN } from '../children.ts';

/** What is known of one file or directory, by gfid: inodes come and go. */
export class FileState {
  /** Subvolumes whose fragment is known to be behind the others': nothing is read from them until a lock has shown otherwise. */
  bad: ChildSet = NO_CHILDREN;
  /** Until then (performance.now()) another client is known to use it, too: no lock is kept idle. */
  sharedUntil = 0;
  /** Size of a regular file as last seen under a lock, or from a lookup; undefined where nobody knows. */
  size: number | undefined;
  /** The counters of changes that were acknowledged could not be moved: FLUSH and FSYNC tell it once. */
  late: GlfsError | undefined;
}

/** The files of a translator that something is known of; the oldest are forgotten. */
export class FileStates {
  private readonly states = new Map<string, FileState>();

  constructor(private readonly most: number) {}

  get size(): number {
    return this.states.size;
  }

  of(gfid: Gfid): FileState {
    const key = gfidKey(gfid);
    const known = this.states.get(key);
    if (known !== undefined) return known;
    if (this.states.size >= this.most) this.states.delete(this.states.keys().next().value!);
    const made = new FileState();
    this.states.set(key, made);
    return made;
  }

  known(gfid: Gfid): FileState | undefined {
    return this.states.get(gfidKey(gfid));
  }
}

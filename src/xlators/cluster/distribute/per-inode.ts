import type { Inode } from '../../../graph/index.ts';
import type { DistributeState } from './state.ts';

/** Notes on inodes that lookups must not overwrite, as they do with a translator's context. They go with the graph. */
export class PerInode<T> {
  private readonly notes = new WeakMap<DistributeState, WeakMap<Inode, T>>();

  get(state: DistributeState, inode: Inode): T | undefined {
    return this.notes.get(state)?.get(inode);
  }

  set(state: DistributeState, inode: Inode, note: T): void {
    let ofState = this.notes.get(state);
    if (ofState === undefined) {
      ofState = new WeakMap();
      this.notes.set(state, ofState);
    }
    ofState.set(inode, note);
  }

  delete(state: DistributeState, inode: Inode): void {
    this.notes.get(state)?.delete(inode);
  }
}

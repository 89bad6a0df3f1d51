import { GlfsError } from '../../../../errors.ts';
import type { CallContext } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { type ChildSet, NO_CHILDREN } from '../../children.ts';
import type { Locks } from '../../locking/locks.ts';
import type { ChangeKind } from '../changelog.ts';
import type { ReadKind, Unmarked } from '../file-state.ts';
import type { ReplicateState } from '../state.ts';
import { syncCopies } from './durability.ts';
import { accused, type Marked, type MarkTarget, mark } from './marks.ts';
import type { Verdict } from './verdict.ts';

const readKinds: Record<ChangeKind, ReadKind> = { data: 'data', metadata: 'metadata', entry: 'data' };

/**
 * One span of changes under marks, from the pre-op to the post-op, on copies that are locked meanwhile:
 * - pre-op: dirty + 1. Left out for names and attributes where all copies are there (optimistic-change-log). For data a copy
 *   that is not there is accused before the first change: the post-op may come long after callers were answered, and if the
 *   copies that have the change were lost until then, nobody would know that the one that was not there lacks it;
 * - post-op: dirty - 1, and one more for each copy that lacks any of the changes and is not accused yet, in one call.
 * Where too few copies have made a change, dirty stays as it is: the copies that missed it may be the majority.
 */
export class Marking {
  /** Copies that were locked and marked. */
  readonly participants: ChildSet;
  /** Copies among `participants` that lack a change, or could not be marked: no more is asked of them. */
  broken: ChildSet = NO_CHILDREN;
  /** Of data: copies that nobody accused when this began. */
  good: ChildSet | undefined;
  dirtied = false;
  /** Counts the changes that lie in the bricks' caches only. */
  writes = 0;
  private syncedWrites = 0;
  private blamed: ChildSet = NO_CHILDREN;
  /** Copies that were accused before the first change. */
  private told: ChildSet = NO_CHILDREN;
  private stays = false;
  private makes = false;
  /** All that were changed in this span are the same again on all copies. */
  private clean = true;
  private changed = false;
  private readonly claims: { readonly target: MarkTarget; readonly change: Unmarked }[];

  private constructor(
    private readonly state: ReplicateState,
    private readonly kind: ChangeKind,
    private readonly targets: readonly MarkTarget[],
    private readonly locks: Locks,
    private readonly context: CallContext,
  ) {
    this.participants = locks.held;
    this.claims = targets.map((target) => ({
      target,
      change: { kind: readKinds[kind], children: this.missing },
    }));
    for (const { target, change } of this.claims) state.file(target.inode).unmark(change);
    if (kind === 'metadata') {
      const file = state.file(targets[0]!.inode);
      if (file.copies !== undefined) this.good = file.readable('metadata');
    }
  }

  /**
   * Sets the marks. Who gets it must call `end`.
   * @throws GlfsError ENOTCONN where too few copies could be locked or marked, or where the arbiter alone is good; EIO where
   *   no good copy would take part. Nothing is left behind then.
   */
  static async begin(
    state: ReplicateState,
    kind: ChangeKind,
    targets: readonly MarkTarget[],
    locks: Locks,
    context: CallContext,
  ): Promise<Marking> {
    locks.require();
    const marking = new Marking(state, kind, targets, locks, context);
    const refusal = await marking.preOp();
    if (refusal === undefined) return marking;
    await marking.end();
    throw refusal;
  }

  /** Copies that take no part at all. */
  get missing(): ChildSet {
    return this.state.all & ~this.participants;
  }

  /** Copies that the next change can be made on. */
  get ready(): ChildSet {
    return this.locks.held & this.participants & ~this.broken;
  }

  /** A change has left bytes in the bricks' caches. */
  wrote(): void {
    this.writes++;
  }

  /** All copies have on disk what was written up to then. */
  synced(writes: number): void {
    this.syncedWrites = Math.max(this.syncedWrites, writes);
  }

  /** Copies have been lost since this began: why no more may be changed, if so. */
  refusal(): GlfsError | undefined {
    const { ready, state, good } = this;
    if (ready === this.participants) return undefined;
    if (ready === NO_CHILDREN || !state.quorum.met(ready)) return state.tooFew(ready);
    return good === undefined ? undefined : this.weigh(ready, good);
  }

  private async preOp(): Promise<GlfsError | undefined> {
    const { state, kind, participants } = this;
    const optimistic = state.options['optimistic-change-log'] && participants === state.all;
    if (kind !== 'data' && optimistic) return undefined;
    this.dirtied = true;
    const name = this.granular ? 'in' : undefined;
    const marks = { kind, dirty: 1, blamed: NO_CHILDREN, pending: true, name } as const;
    const marked = await mark(state, this.targets, participants, marks, this.context);
    this.fail(participants & ~marked.done);
    if (!state.quorum.met(marked.done)) {
      return marked.error ?? state.tooFew(marked.done);
    }
    return this.consult(marked) ?? this.tell();
  }

  /** Accuses copies that take no part. Only now it is known that good ones do. */
  private async tell(): Promise<GlfsError | undefined> {
    const { state, kind, missing, ready } = this;
    if (kind !== 'data' || missing === NO_CHILDREN) return undefined;
    this.told = missing;
    const marks = { kind, blamed: missing, pending: true };
    const marked = await mark(state, this.targets, ready, marks, this.context);
    this.fail(ready & ~marked.done);
    if (!state.quorum.met(marked.done)) return marked.error ?? state.tooFew(marked.done);
    return this.weigh(marked.done, this.good ?? NO_CHILDREN);
  }

  /** Copies lack a change that has been made, and are not accused yet: callers must wait for the post-op. */
  get owes(): boolean {
    return (this.blamed & ~this.told) !== NO_CHILDREN;
  }

  /** May the change be made, as far as the copies' marks of each other tell? */
  private consult(marked: Marked): GlfsError | undefined {
    const { state, kind } = this;
    const sources = marked.done & ~accused(state, kind, marked);
    if (kind === 'data') this.good = state.withData & sources;
    return this.weigh(marked.done, sources);
  }

  /** The arbiter alone can't say what the others should have; and a change of data must land on a good copy. */
  private weigh(children: ChildSet, sources: ChildSet): GlfsError | undefined {
    const { state } = this;
    if (state.arbiter !== undefined && (sources & children) === 1 << state.arbiter) {
      return new GlfsError('ENOTCONN', 'the arbiter alone is good', { translator: state.name });
    }
    if (this.kind !== 'data' || (sources & children & state.withData) !== NO_CHILDREN) return undefined;
    return new GlfsError('EIO', 'no good copy is there', { translator: state.name });
  }

  private get granular(): boolean {
    return this.kind === 'entry' && this.state.options['granular-entry-heal'];
  }

  /** Copies that lack a change, at once and for all who look at the file from now on. */
  private fail(children: ChildSet): void {
    this.broken |= children;
    this.claim(children);
  }

  private claim(children: ChildSet): void {
    if (children === NO_CHILDREN) return;
    const { state } = this;
    for (const { target, change } of this.claims) {
      change.children |= children;
      state.accuse(target.inode, change.kind, change.children);
    }
  }

  /** All that take part have made a change. */
  agreed(): void {
    // Once: what is learnt of the file from now on leaves them out.
    if (!this.changed) this.claim(this.missing);
    this.changed = true;
    this.blamed |= this.missing;
  }

  /** Takes over what has become of one change. Answers whether its caller must wait for the end. */
  take<K extends FopName>({ consequence, broken, error }: Verdict<K>): boolean {
    if (consequence === 'none') {
      this.clean = false;
      return this.broken !== NO_CHILDREN;
    }
    if (broken !== NO_CHILDREN) this.fail(broken);
    if (consequence === 'blame') {
      this.agreed();
      this.blamed |= broken;
    } else {
      this.changed = true;
      this.stays = true;
      if (consequence === 'make-dirty') this.makes = true;
      for (const { target } of this.claims) this.state.file(target.inode).forget();
    }
    return broken !== NO_CHILDREN || error !== undefined;
  }

  /**
   * Brings bytes to disk and sets the marks right. Never rejects: answers the error that those must get who wait for it,
   * where too few copies could be marked.
   */
  async end(): Promise<GlfsError | undefined> {
    try {
      if (this.writes > this.syncedWrites && this.state.options['ensure-durability']) await this.sync();
      return await this.postOp();
    } finally {
      for (const { target, change } of this.claims) {
        const file = this.state.file(target.inode);
        file.marked(change);
        if (this.stays || (!this.changed && this.missing !== NO_CHILDREN)) file.forget();
      }
    }
  }

  private async sync(): Promise<void> {
    const { state } = this;
    // Who has gone since may have lost what was in its caches.
    const lost = this.participants & ~this.broken & ~this.ready;
    const failed = lost | (await syncCopies(state, this.targets[0]!, this.ready, this.context));
    if (failed === NO_CHILDREN) return;
    this.fail(failed);
    const left = this.participants & ~this.broken;
    // The last good copy has the bytes, on disk or not: copies that it accuses must not accuse it.
    const { good } = this;
    const orphaned = good !== undefined && good !== NO_CHILDREN && (good & left) === NO_CHILDREN;
    if (orphaned || !state.quorum.met(left)) this.stays = true;
    else this.blamed |= failed;
  }

  private async postOp(): Promise<GlfsError | undefined> {
    const { state, kind, told } = this;
    const blamed = this.blamed & ~told;
    const pardoned = this.changed ? NO_CHILDREN : told;
    const children = this.ready;
    const dirty = this.makes ? 1 : this.dirtied && !this.stays ? -1 : 0;
    if ((dirty === 0 && blamed === NO_CHILDREN) || children === NO_CHILDREN) {
      return this.changed && !this.enough(children) ? state.tooFew(children) : undefined;
    }
    // What makes a file dirty is all that is known: nobody's counters are touched.
    const pending = !this.makes || blamed !== NO_CHILDREN;
    const marks = { kind, dirty, blamed, pardoned, pending, name: this.note };
    const marked = await mark(state, this.targets, children, marks, this.context);
    this.fail(children & ~marked.done);
    return this.changed && !this.enough(marked.done)
      ? (marked.error ?? state.tooFew(marked.done))
      : undefined;
  }

  /** What the index of each copy shall note of the names. */
  private get note(): 'in' | 'out' | undefined {
    if (!this.granular) return undefined;
    // Noted before, too, but until somebody is accused a self-heal daemon may have the brick forget all names of the directory.
    if (this.broken !== NO_CHILDREN || (this.blamed !== NO_CHILDREN && this.changed)) return 'in';
    return this.missing === NO_CHILDREN && this.clean ? 'out' : undefined;
  }

  private enough(children: ChildSet): boolean {
    return this.state.quorum.met(children);
  }
}

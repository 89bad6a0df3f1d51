import type { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Inode, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import type { ChildSet } from '../children.ts';
import type { EntryTarget, Range } from '../locking/lockees.ts';
import type { ChangeKind } from './changelog.ts';

/** What one copy said; undefined where it was not asked. */
export type CopyAnswer<K extends FopName> =
  | { readonly reply: Reply<K>; readonly error?: undefined }
  | { readonly reply?: undefined; readonly error: GlfsError };

/** How an operation went, copy by copy. */
export interface OperationOutcome<K extends FopName> {
  /** By position of the subvolume. */
  readonly answers: readonly (CopyAnswer<K> | undefined)[];
  /** Copies that were locked and marked, and so were asked. */
  readonly participants: ChildSet;
  readonly succeeded: ChildSet;
  /** All copies that are to be accused: those that failed, and those that took no part. */
  readonly failed: ChildSet;
}

interface Common<K extends FopName> {
  readonly fop: K;
  /** Makes the change on one copy. `index` is its position. */
  wind(child: Subvolume, context: CallContext, index: number): Promise<Reply<K>>;
  /**
   * How much of it was done, where a copy may do a part (bytes of a short write). Copies that did less than the most are
   * accused.
   */
  measure?(reply: Reply<K>): number;
  /** A copy that refuses with this has not failed, and is not accused: it may be the others that lack something. */
  pardons?(error: GlfsError): boolean;
  /**
   * Copies whose success is none beside what the others have answered, each with the error that it counts as: they are
   * accused as if they had failed.
   */
  disowns?(answers: readonly (CopyAnswer<K> | undefined)[]): ReadonlyMap<number, GlfsError>;
  /**
   * After all copies have answered: enough of them have made the change, and some have not. Marks beyond those of the
   * operation's own targets. Where too few have made it, it is nobody's truth, and the targets' marks tell that it is in doubt.
   */
  mend?(outcome: OperationOutcome<K>, context: CallContext): Promise<void>;
  /** Turns the reply that was chosen into what the caller gets; it has all answers at hand. Default: as it is. */
  compose?(chosen: Reply<K>, outcome: OperationOutcome<K>): Reply<K>;
}

/** A change of a file's data. */
export interface DataOperation<K extends FopName> extends Common<K> {
  readonly kind: 'data';
  readonly inode: Inode;
  readonly fd?: Fd;
  readonly range: Range;
  /** Leaves bytes in the bricks' caches: they are brought to disk before the marks are cleared. */
  readonly unstable: boolean;
  /** Of an unstable one: the answers say that there is nothing to bring to disk after all. */
  settles?(answers: readonly (CopyAnswer<K> | undefined)[]): boolean;
  /** The lock and the marks may outlive the operation for a while (write, fxattrop, fsync). */
  readonly lingers: boolean;
}

/** A change of attributes. */
export interface MetadataOperation<K extends FopName> extends Common<K> {
  readonly kind: 'metadata';
  readonly inode: Inode;
  readonly fd?: Fd;
}

/** A change of names. */
export interface EntryOperation<K extends FopName> extends Common<K> {
  readonly kind: 'entry';
  /** Entry locks: taken in the order of their parents' gfids and names, whatever the order here. */
  readonly locks: readonly EntryTarget[];
  /** Directories whose changelog is moved, with the name for the granular index. */
  readonly marks: readonly EntryTarget[];
}

/**
 * One change that all copies must see: its description, for `runTransaction` (transaction/index.ts), which does the rest:
 * locks, marks, calls, quorum, accusations, unlocking.
 */
export type Operation<K extends FopName> = DataOperation<K> | MetadataOperation<K> | EntryOperation<K>;

export type { ChangeKind };

/** What a pre-op or post-op brought back from one copy. */
export type ChangelogReply = Dict;

import type { GlfsError } from '../../../../errors.ts';
import type { Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { keys } from '../../../../protocol/keys.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import { type ChildSet, has, indicesOf } from '../../children.ts';
import { wind } from '../../wind.ts';
import { type ChangeKind, type Changelog, changeKinds, encodeChangelog } from '../changelog.ts';
import { keptNames } from '../transaction/marks.ts';
import { type Examination, isExamined } from './examine.ts';
import type { HealSession } from './session.ts';

/** What is added to the counters of one copy; negative to take marks back. */
export interface MarkChange {
  readonly dirty?: Partial<Changelog>;
  /** By position of the copy that is accused; undefined: nothing. */
  readonly pending: readonly (Partial<Changelog> | undefined)[];
}

/** Adds to the counters of one copy, in one atomic call. The error, where it failed. */
export async function addMarks(
  { state, context }: HealSession,
  inode: Inode,
  index: number,
  change: MarkChange,
  xdata?: Dict,
): Promise<GlfsError | undefined> {
  const dict = new Dict().setBytes(state.dirtyName, encodeChangelog(change.dirty ?? {}));
  for (const [accused, name] of state.pendingNames.entries())
    dict.setBytes(name, encodeChangelog(change.pending[accused] ?? {}));
  const asked = xdata ?? keptNames(inode);
  const { error } = await wind(state.children[index]!, (child) =>
    child.xattrop({ loc: { inode }, operation: XattropFlag.ADD_ARRAY, dict, xdata: asked }, context),
  );
  return error;
}

/** Makes each of `accusers` accuse each of `accused`. The first error, where one could not. */
export async function accuse(
  session: HealSession,
  inode: Inode,
  accusers: ChildSet,
  accused: ChildSet,
  counters: Partial<Changelog>,
): Promise<GlfsError | undefined> {
  const pending = session.state.children.map((_, index) => (has(accused, index) ? counters : undefined));
  const errors = await Promise.all(
    indicesOf(accusers).map((index) => addMarks(session, inode, index, { pending })),
  );
  return errors.find((error) => error !== undefined);
}

export interface Undo {
  readonly kind: ChangeKind;
  /** What was read under the lock when the heal decided what to do: so much is taken back, and no more. */
  readonly before: Examination;
  /** Copies that were to be healed. */
  readonly sinks: ChildSet;
  /** Those of them that have been: the others are accused anew by all. */
  readonly healed: ChildSet;
  /** Copies that are locked for this. */
  readonly locked: ChildSet;
  /** Entries: the mark for a full crawl, in the counter of data, goes too. */
  readonly fullCrawl?: boolean;
  /** Entries: the names that differed go from the index with the marks. */
  readonly purgeIndex?: boolean;
}

/**
 * After a heal: takes back what the copies said of each other. Counters that have grown meanwhile keep what they grew by.
 * Answers the first error; where there was one, some marks are still there, and the next heal finds nothing to do.
 */
export async function undoMarks(
  session: HealSession,
  inode: Inode,
  { kind, before, sinks, healed, locked, fullCrawl = false, purgeIndex = false }: Undo,
): Promise<GlfsError | undefined> {
  const unhealed = sinks & ~healed;
  const kinds = changeKinds.filter((each) => each === kind || (fullCrawl && each === 'data'));
  let failed: GlfsError | undefined;
  // One after the other: who is asked first need not wait, and a crash in between leaves blame, not silence.
  for (const index of indicesOf(locked)) {
    const found = before[index];
    if (!isExamined(found)) continue;
    const pending = found.pending.map((changelog, accused) => {
      if (has(unhealed, accused)) return counters(kinds, () => 1);
      return has(locked, accused) ? counters(kinds, (each) => -changelog[each]) : undefined;
    });
    const dirty = has(unhealed, index) ? undefined : counters([kind], (each) => -found.dirty[each]);
    const xdata = purgeIndex ? new Dict().set(keys.indexPurge, 1) : undefined;
    failed ??= await addMarks(session, inode, index, { dirty, pending }, xdata);
  }
  return failed;
}

function counters(kinds: readonly ChangeKind[], of: (kind: ChangeKind) => number): Partial<Changelog> {
  return Object.fromEntries(kinds.map((kind) => [kind, of(kind)]));
}

import type { Inode } from '../../../../graph/index.ts';
import { indicesOf, NO_CHILDREN } from '../../children.ts';
import { accountsOf, accusersWanted, findDirection } from './direction.ts';
import type { EntryDecision } from './entry-one.ts';
import { answered, type Examination, examine, isExamined, isMarked } from './examine.ts';
import { type HealSession, requireAll } from './session.ts';

/** What was read of a directory's marks under its lock, and what follows from it for its names. */
export interface DirectoryDecision extends EntryDecision {
  readonly before: Examination;
  /** Nothing is pending, nothing was interrupted. */
  readonly clean: boolean;
  /** The names that differ are not all in the index. */
  readonly full: boolean;
}

/** What a heal says before it keeps the names of all copies. */
export const MERGED = 'no copy of the directory is known to be right: names of all are kept';

/**
 * Reads the marks of a directory that is locked on all copies.
 * @throws GlfsError ENOTCONN, ENOENT, ESTALE where a copy does not answer: who is silent may be the one that accuses.
 */
export async function decide(
  { state, context }: Pick<HealSession, 'state' | 'context'>,
  directory: Inode,
): Promise<DirectoryDecision> {
  const before = await examine(state, directory, context, state.all);
  const silent = before.find((found) => found !== undefined && !isExamined(found));
  if (silent !== undefined && !isExamined(silent)) throw silent;
  requireAll(state, answered(before));
  const wanted = accusersWanted(state.options, state.children.length);
  const { sources, sinks, witness } = findDirection(accountsOf(before, 'entry'), state.all, 'entry', wanted);
  const doubtful =
    sources === NO_CHILDREN || sinks === state.all || sinks === NO_CHILDREN || witness.some(Boolean);
  const decision = doubtful
    ? { source: undefined, sources: NO_CHILDREN, sinks: state.all }
    : // All marks go in the end: copies that only those accuse who are wrong themselves are healed, too.
      { source: indicesOf(sources)[0]!, sources, sinks: state.all & ~sources };
  const clean = !isMarked(before, 'entry');
  if (doubtful && !clean) {
    const details = { translator: state.name, directory: String(directory) };
    state.log.debug(details, MERGED);
  }
  return {
    ...decision,
    before,
    clean,
    full: !state.options['granular-entry-heal'] || wantsFullCrawl(before),
  };
}

/** Whoever marks without noting names says so in the data counter, which directories have no other use for. */
function wantsFullCrawl(before: Examination): boolean {
  return before.some((found) => isExamined(found) && found.pending.some(({ data }) => data !== 0));
}

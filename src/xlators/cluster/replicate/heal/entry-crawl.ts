import { type GlfsError, toGlfsError } from '../../../../errors.ts';
import type { Inode, Subvolume } from '../../../../graph/index.ts';
import { indicesOf } from '../../children.ts';
import { lockEntry, lockError } from '../../heal-locks.ts';
import { listing } from '../../index-directory.ts';
import { isPrivateName } from '../private-names.ts';
import type { ReplicateState } from '../state.ts';
import { changedNames, forgetName } from './entry-changes.ts';
import { type DirectoryDecision, decide } from './entry-decision.ts';
import { healOneName } from './entry-one.ts';
import { viewName } from './entry-view.ts';
import { answered, type Examination, isMarked } from './examine.ts';
import { checkpoint, type HealSession } from './session.ts';

/** Which names a crawl came upon that could not be healed. */
export interface Crawled {
  /** All names were looked at, not only those of the index. */
  readonly full: boolean;
  readonly failures: readonly GlfsError[];
}

/**
 * Heals the names of a directory, one by one: first those that the sinks have, of which some may have to go, then those that the
 * source has.
 * @throws GlfsError where a copy is lost on the way, or the heal given up
 */
export async function crawl(session: HealSession, decision: DirectoryDecision): Promise<Crawled> {
  const failures: GlfsError[] = [];
  const { state, inode } = session;
  const notes = state.options['granular-entry-heal'] ? await notesOf(session) : [];
  const full = decision.full || marked(decision.before).some((index) => notes[index] === undefined);
  for (const index of order(state, decision, full)) {
    const child = state.children[index]!;
    const noted = notes[index];
    const listed = full ? inode : noted;
    if (listed !== undefined) await crawlNames(session, { child, listed, noted }, failures);
  }
  return { full, failures };
}

/** By position: the part of each copy's index that holds the directory's names. */
function notesOf({ state, inode, context }: HealSession): Promise<(Inode | undefined)[]> {
  return Promise.all(state.children.map((child) => changedNames(child, inode, context)));
}

/**
 * Copies that bear marks for names. Each has noted its own: one that has died before it could accuse the others is right and
 * knows nothing of it. Where a copy with marks has no names, its marks are older than the index.
 */
function marked(before: Examination): number[] {
  return indicesOf(answered(before)).filter((index) => isMarked([before[index]], 'entry'));
}

/** Names that differ may be in any index. Copies that are right have all the same names but for those. */
function order({ all }: ReplicateState, { source, sinks }: DirectoryDecision, full: boolean): number[] {
  if (source === undefined) return indicesOf(sinks);
  return full ? [...indicesOf(sinks), source] : [...indicesOf(sinks), ...indicesOf(all & ~sinks)];
}

interface Listing {
  readonly child: Subvolume;
  readonly listed: Inode;
  /** Part of the index that names are taken from when they are healed. */
  readonly noted: Inode | undefined;
}

async function crawlNames(
  session: HealSession,
  { child, listed, noted }: Listing,
  failures: GlfsError[],
): Promise<void> {
  for await (const name of listing(child, listed, session.context)) {
    checkpoint(session);
    if (isPrivateName(session.state, session.inode, name, session.context)) continue;
    try {
      await healUnderLock(session, name, async () => {
        if (noted !== undefined) await forgetName(child, noted, name, session.context);
      });
    } catch (thrown) {
      const error = toGlfsError(thrown);
      if (endsCrawl(error)) throw error;
      session.state.log.warn(
        { translator: session.state.name, directory: String(session.inode), name, error },
        'a name could not be healed',
      );
      failures.push(error);
    }
  }
}

/** Without all copies nothing more can be healed. */
function endsCrawl({ code, outcome }: GlfsError): boolean {
  return code === 'ENOTCONN' || code === 'ECANCELED' || outcome === 'unknown';
}

/**
 * The whole directory is locked, not the name alone: only then are its marks not those of a change under way. They are read
 * anew, for clients may have gone on since the crawl began.
 */
async function healUnderLock(session: HealSession, name: string, healed: () => Promise<void>): Promise<void> {
  const { state, inode } = session;
  const lock = await lockEntry(session, state.domain, inode, undefined, 'wait');
  try {
    if (lock.on !== state.all) throw lockError(state, lock);
    const decision = await decide(session, inode);
    await healOneName(session, await viewName(session, inode, name), decision);
    await healed();
  } finally {
    await lock.release();
  }
}

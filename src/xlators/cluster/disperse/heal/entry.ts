import type { GlfsError } from '../../../../errors.ts';
import { type Gfid, gfidKey } from '../../../../protocol/gfid.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../../children.ts';
import { listing } from '../../index-directory.ts';
import { settleCounters } from './counters.ts';
import { restoreTimes } from './data-heal.ts';
import { entryDirection } from './direction.ts';
import { at, DATA, type Examination, examine, firstOf } from './examine.ts';
import { alone, type Hold, locked } from './locks.ts';
import { healName } from './name.ts';
import {
  CLEAN,
  canHeal,
  changedMeanwhile,
  checkpoint,
  failure,
  type HealResult,
  type HealSession,
  requireEnough,
} from './session.ts';

/** Crawls of one directory into which others make names meanwhile. */
const MOST_CRAWLS = 3;

export interface EntryHealResult extends HealResult {
  /** Files that were made, and are to be healed themselves. */
  readonly made: readonly Gfid[];
}

/** What a crawl came upon. */
interface Crawl {
  /** Subvolumes that have all names as they should be. */
  participants: ChildSet;
  readonly made: Map<string, Gfid>;
  error: GlfsError | undefined;
}

/**
 * Makes the names of a directory the same on all subvolumes, one after the other, with the directory locked for each: others go on
 * in between. What they make then is missing on those that were behind, and their versions show it: these names are healed by
 * another crawl.
 */
export function healEntries(session: HealSession): Promise<EntryHealResult> {
  return alone(session, async () => {
    const crawl: Crawl = { participants: session.state.up, made: new Map(), error: undefined };
    for (let crawls = 0; crawls < MOST_CRAWLS; crawls++) {
      const before = await locked(session, session.inode, ({ on }) => examine(session, session.inode, on));
      crawl.participants = session.state.up & before.children;
      requireEnough(session.state, crawl.participants);
      await healNames(session, crawl);
      const result = await locked(session, session.inode, (hold) => conclude(session, before, crawl, hold));
      if (result !== undefined) return { ...result, made: [...crawl.made.values()] };
    }
    throw changedMeanwhile(session, 'others made names faster than they could be healed');
  });
}

async function healNames(session: HealSession, crawl: Crawl): Promise<void> {
  const { state, inode, context } = session;
  const seen = new Set<string>();
  for (const index of indicesOf(crawl.participants)) {
    for await (const name of listing(state.children[index]!, inode, context)) {
      checkpoint(session);
      if (seen.has(name)) continue;
      seen.add(name);
      const { failed, made, error } = await healName(session, { parent: inode, name });
      crawl.participants &= ~failed;
      crawl.error ??= error;
      if (made !== undefined) crawl.made.set(gfidKey(made), made);
      if (error === undefined) requireEnough(state, crawl.participants);
    }
  }
}

/** Under the lock. Undefined where names were made meanwhile that the crawl may have missed. */
async function conclude(
  session: HealSession,
  before: Examination,
  { participants, made, error }: Crawl,
  { on }: Hold,
): Promise<HealResult | undefined> {
  if (error !== undefined && !canHeal(session.state, participants & on)) throw error;
  const now = await examine(session, session.inode, on & participants);
  const { sources, sinks } = entryDirection(now);
  const source = firstOf(now, sources);
  const moved = ({ index, version }: { index: number; version: readonly [bigint, bigint] }): bigint =>
    version[DATA] - (at(before, index)?.version[DATA] ?? 0n);
  if (now.found.some((each) => moved(each) !== moved(source))) return undefined;
  await restoreTimes(session, source, sinks);
  const complete = await settleCounters(session, { counter: DATA, now, source, sources, healed: sinks });
  if (error !== undefined) return { ...failure(error), sinks };
  if (sinks !== NO_CHILDREN || made.size > 0) return { status: 'healed', sinks };
  if (!complete) throw session.state.tooFew(sources);
  return CLEAN;
}

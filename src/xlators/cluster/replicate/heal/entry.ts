import { toGlfsError } from '../../../../errors.ts';
import { emptyIatt, type Iatt } from '../../../../protocol/iatt.ts';
import { SetattrValid } from '../../../../protocol/messages.ts';
import { NO_CHILDREN } from '../../children.ts';
import { lockEntry, lockError } from '../../heal-locks.ts';
import { windAll } from '../../wind.ts';
import { type Crawled, crawl } from './entry-crawl.ts';
import { type DirectoryDecision, decide } from './entry-decision.ts';
import { isSplitBrain } from './entry-one.ts';
import { type Examination, isExamined } from './examine.ts';
import { undoMarks } from './marks.ts';
import { type HealResult, type HealSession, requireAll } from './session.ts';

/**
 * Heals the entries of a directory: makes its names the same on all copies. What new names lead to is new, and marked for a heal
 * of its own. Never rejects for what is wrong with the directory.
 *
 * Copies that are down may know better: all must be there. Locks as in locks.ts: one healer, and while a name is healed the
 * whole directory is kept from clients.
 */
export async function healEntries(session: HealSession): Promise<HealResult> {
  const { state, inode } = session;
  try {
    requireAll(state);
    const lock = await lockEntry(session, state.healDomain, inode, undefined, 'tie-break');
    try {
      if (lock.on !== state.all) {
        const error = lockError(state, lock);
        return { status: lock.contended ? 'busy' : 'failed', sinks: NO_CHILDREN, error };
      }
      return await healLocked(session);
    } finally {
      await lock.release();
    }
  } catch (error) {
    return { status: 'failed', sinks: NO_CHILDREN, error: toGlfsError(error) };
  }
}

async function healLocked(session: HealSession): Promise<HealResult> {
  const { state, inode } = session;
  const decision = await withDirectory(session, () => decide(session, inode));
  if (decision.clean) return { status: 'clean', sinks: NO_CHILDREN };
  const { source, sinks, full } = decision;
  const details = { translator: state.name, directory: String(inode), source, sinks, full };
  state.log.debug(details, 'entries are healed');
  const crawled = await crawl(session, decision);
  const [failure] = crawled.failures;
  if (failure !== undefined) {
    const split = crawled.failures.find((error) => isSplitBrain(session, error));
    return { status: split ? 'split-brain' : 'failed', sinks: NO_CHILDREN, error: split ?? failure };
  }
  await withDirectory(session, () => conclude(session, decision, crawled));
  return { status: 'healed', sinks };
}

/** With the whole directory kept from clients. @throws GlfsError where it can't be locked on all copies */
async function withDirectory<T>(session: HealSession, run: () => Promise<T>): Promise<T> {
  const { state, inode } = session;
  const lock = await lockEntry(session, state.domain, inode, undefined, 'wait');
  try {
    if (lock.on !== state.all) throw lockError(state, lock);
    return await run();
  } finally {
    await lock.release();
  }
}

/** Takes back the marks, as they were when the heal began: what has come meanwhile is for the next. */
async function conclude(
  session: HealSession,
  { source, sinks, before }: DirectoryDecision,
  { full }: Crawled,
): Promise<void> {
  const { state, inode } = session;
  await restoreTimes(session, source);
  const granular = state.options['granular-entry-heal'];
  const error = await undoMarks(session, inode, {
    kind: 'entry',
    before,
    sinks,
    healed: sinks,
    locked: state.all,
    fullCrawl: full,
    // Bricks purge where nobody is accused, whether or not a change has been interrupted meanwhile: its names must stay.
    purgeIndex: granular && sameMarks(before, (await decide(session, inode)).before),
  });
  if (error !== undefined) throw error;
}

function sameMarks(one: Examination, other: Examination): boolean {
  return one.every((before, index) => {
    const now = other[index];
    if (!isExamined(before) || !isExamined(now)) return false;
    const moved = now.pending.some(({ entry }, accused) => entry !== before.pending[accused]!.entry);
    return !moved && now.dirty.entry === before.dirty.entry;
  });
}

/** A heal leaves the times of the directory as they were: those of the source, or where there is none the latest. */
async function restoreTimes(session: HealSession, source: number | undefined): Promise<void> {
  const { state, inode, context } = session;
  const answers = await windAll(state.children, (child) => child.stat({ loc: { inode } }, context));
  const stats = answers.flatMap(({ reply }) => reply?.stat ?? []);
  const right = source === undefined ? latest(stats) : answers[source]!.reply?.stat;
  if (right === undefined) return;
  const valid = SetattrValid.ATIME | SetattrValid.MTIME | SetattrValid.CTIME;
  const { atime, atimeNsec, mtime, mtimeNsec, ctime, ctimeNsec } = right;
  const stat = { ...emptyIatt(), atime, atimeNsec, mtime, mtimeNsec, ctime, ctimeNsec };
  const outdated = answers.filter(({ reply }) => reply !== undefined && !sameTimes(reply.stat, right));
  await windAll(
    outdated.map(({ child }) => child),
    (child) => child.setattr({ loc: { inode }, stat, valid }, context),
  );
}

function latest(stats: readonly Iatt[]): Iatt | undefined {
  const [first, ...others] = stats;
  return others.reduce((best, each) => (best === undefined || isNewer(each, best) ? each : best), first);
}

function isNewer(a: Iatt, b: Iatt): boolean {
  return a.mtime > b.mtime || (a.mtime === b.mtime && a.mtimeNsec > b.mtimeNsec);
}

function sameTimes(a: Iatt, b: Iatt): boolean {
  return a.mtime === b.mtime && a.mtimeNsec === b.mtimeNsec && a.atime === b.atime;
}

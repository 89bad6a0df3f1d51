import { type GlfsError, toGlfsError } from '../../../../errors.ts';
import type { CallContext, Inode } from '../../../../graph/index.ts';
import { type Gfid, gfidEquals, isNullGfid } from '../../../../protocol/gfid.ts';
import { indicesOf } from '../../children.ts';
import { lockEntry, lockError } from '../../heal-locks.ts';
import type { CopyAnswer } from '../operation.ts';
import type { ReplicateState } from '../state.ts';
import { type DirectoryDecision, decide } from './entry-decision.ts';
import { gather } from './entry-gather.ts';
import { assignGfids } from './entry-gfid.ts';
import { isHollow, isSplitBrain, resolve, sameFile } from './entry-one.ts';
import { recreate } from './entry-recreate.ts';
import { removeName } from './entry-remove.ts';
import {
  type EntryHeal,
  gfidAt,
  isMissing,
  type NameView,
  present,
  requireAllToKnow,
  statAt,
  viewName,
} from './entry-view.ts';
import { openSession, type SplitBrainPolicy } from './session.ts';

/** What a lookup may say beside the name. */
export interface NameWishes {
  /** For a file that has no gfid on any copy: lookup's `gfid-req`. */
  readonly gfid?: Gfid;
  /** The administrator's word where different files go by the name. */
  readonly policy?: SplitBrainPolicy;
}

/**
 * A name that some copies have and others don't, or that means different files: made the same on all where the copies can
 * say what is right. Answers whether anything was changed, so that the lookup asks again.
 *
 * All copies must be there, for who is down may know better. Where the heal fails for other reasons than split-brain, the lookup
 * goes on with what the copies have said.
 * @throws GlfsError EIO where the copies mean different files and none is known to be right.
 */
export async function healName(
  state: ReplicateState,
  parent: Inode,
  name: string,
  answers: readonly (CopyAnswer<'lookup'> | undefined)[],
  context: CallContext,
  wishes: NameWishes = {},
): Promise<boolean> {
  if (state.up !== state.all || !disagree(answers)) return false;
  const session = openSession(state, parent, context, wishes.policy);
  try {
    const lock = await lockEntry(session, state.domain, parent, name, 'wait');
    try {
      if (lock.on !== state.all) throw lockError(state, lock);
      const decision = await decide(session, parent);
      const view = await viewName(session, parent, name);
      requireAllToKnow(view);
      if (disagree(view.answers)) await heal(session, view, decision, wishes.gfid);
      return true;
    } finally {
      await lock.release();
    }
  } catch (thrown) {
    const error: GlfsError = toGlfsError(thrown);
    if (isSplitBrain(session, error)) throw error;
    const details = { translator: state.name, directory: String(parent), name, error };
    state.log.warn(details, 'a name could not be healed');
    return false;
  }
}

/** Copies that differ in whether they have the name, or in what it is, or that have it without a gfid. */
export function disagree(answers: readonly (CopyAnswer<'lookup'> | undefined)[]): boolean {
  const given = answers.flatMap((answer) => answer ?? []);
  const [first] = given;
  return given.some(({ reply, error }) => {
    if (error?.code === 'ENODATA') return true;
    if (reply === undefined) return first!.reply !== undefined;
    const { gfid } = reply.stat;
    return isNullGfid(gfid) || first!.reply === undefined || !gfidEquals(gfid, first!.reply.stat.gfid);
  });
}

async function heal(
  session: EntryHeal,
  given: NameView,
  { source, sources }: DirectoryDecision,
  wanted: Gfid | undefined,
): Promise<void> {
  const having = present(given);
  const right = source === undefined ? having : having & sources;
  if (source !== undefined && indicesOf(sources).every((index) => isMissing(given.answers[index]!))) {
    for (const target of indicesOf(having)) await removeName(session, given, target);
    return;
  }
  const chosen = resolve(session, given, right);
  if (source === undefined && (await isHollow(session, given, chosen)))
    return removeName(session, given, chosen);
  const gfid = gfidAt(given, chosen) ?? anyGfid(given) ?? wanted;
  if (gfid === undefined) return;
  const known = await assignGfids(session, given, gfid, statAt(given, chosen)!.mode);
  const view = await gather(session, known, chosen);
  if (view === undefined) return;
  for (const target of indicesOf(session.state.all)) {
    if (target === chosen || sameFile(view, chosen, target)) continue;
    await recreate(session, { view, source: chosen, sources: present(view) }, target);
  }
}

function anyGfid(view: NameView): Gfid | undefined {
  return view.answers.map((_, index) => gfidAt(view, index)).find((gfid) => gfid !== undefined);
}

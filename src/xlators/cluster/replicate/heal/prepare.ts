import { indicesOf, NO_CHILDREN } from '../../children.ts';
import type { ChangeKind } from '../changelog.ts';
import { answered, type Examination, examine, isExamined } from './examine.ts';
import { accuse, addMarks } from './marks.ts';
import { type HealSession, requireAll } from './session.ts';
import { unaccused, type Verdict } from './verdict.ts';

/**
 * Before the first byte of a sink is changed: makes the marks say what is about to be true. Sources accuse the sinks, and
 * where a policy has overruled the sinks they no longer accuse the source: whoever goes on after a crash goes on in the same
 * direction. Answers what the copies say then; that is what the heal takes back at its end.
 * @throws GlfsError where a mark can't be set; nothing but marks has been changed then.
 */
export async function prepareSinks(
  session: HealSession,
  kind: ChangeKind,
  before: Examination,
  verdict: Extract<Verdict, { to: 'heal' }>,
): Promise<Examination> {
  const { state, inode, context } = session;
  const missing = unaccused(before, kind, verdict);
  if (missing === NO_CHILDREN && !verdict.bySplitBrainPolicy) return before;
  if (missing !== NO_CHILDREN) {
    const error = await accuse(session, inode, verdict.sources, missing, { [kind]: 1 });
    if (error !== undefined) throw error;
    // This client's readers must not go on with what they believed.
    state.accuse(inode, kind === 'metadata' ? 'metadata' : 'data', missing);
  }
  if (verdict.bySplitBrainPolicy) await overrule(session, kind, before, verdict);
  const after = await examine(state, inode, context);
  requireAll(state, answered(after));
  return after;
}

async function overrule(
  session: HealSession,
  kind: ChangeKind,
  before: Examination,
  { source, sinks }: Extract<Verdict, { to: 'heal' }>,
): Promise<void> {
  for (const index of indicesOf(sinks)) {
    const found = before[index];
    if (!isExamined(found)) continue;
    const pending = found.pending.map((changelog, accused) =>
      accused === source ? { [kind]: -changelog[kind] } : undefined,
    );
    const dirty = { [kind]: -found.dirty[kind] };
    const error = await addMarks(session, session.inode, index, { dirty, pending });
    if (error !== undefined) throw error;
  }
}

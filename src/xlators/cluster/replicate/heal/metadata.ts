import { indicesOf, NO_CHILDREN } from '../../children.ts';
import { lockInode } from '../../heal-locks.ts';
import { copyMetadata, sharedAttributes } from '../../shared-attributes.ts';
import { wind } from '../../wind.ts';
import { settleFile } from '../transaction/index.ts';
import { answered, type Examined, examine } from './examine.ts';
import { ATTRIBUTES } from './locks.ts';
import { undoMarks } from './marks.ts';
import { refusal, restoreTimes, splitBrain } from './outcome.ts';
import { prepareSinks } from './prepare.ts';
import { checkpoint, type HealResult, type HealSession } from './session.ts';
import { judge } from './verdict.ts';

/** Brings permissions, owner, extended attributes and times from a good copy to all others. */
export async function healMetadata(session: HealSession): Promise<HealResult> {
  const { state, inode } = session;
  // What this client itself keeps between two changes is no reason to call the file busy.
  await settleFile(state, inode.gfid);
  const lock = await lockInode(session, state.domain, ATTRIBUTES, 'tie-break');
  try {
    return lock.on === state.all ? await healLocked(session) : refusal(session, lock);
  } finally {
    await lock.release();
  }
}

async function healLocked(session: HealSession): Promise<HealResult> {
  const { state, inode, context, policy } = session;
  const found = await examine(state, inode, context);
  const verdict = judge(state, found, 'metadata', policy);
  if (verdict === undefined) throw state.tooFew(answered(found));
  if (verdict.to === 'leave') return { status: 'clean', sinks: NO_CHILDREN };
  if (verdict.to === 'refuse') return splitBrain(session, 'metadata');
  checkpoint(session);
  const before = await prepareSinks(session, 'metadata', found, verdict);
  const { stat } = before[verdict.source] as Examined;
  const attributes = await sharedAttributes(state.children[verdict.source]!, inode, context);
  let healed = NO_CHILDREN;
  let failed: unknown;
  for (const index of indicesOf(verdict.sinks)) {
    const { error } = await wind(state.children[index]!, (child) =>
      copyMetadata(child, inode, { stat, attributes }, context),
    );
    if (error === undefined) healed |= 1 << index;
    else failed = error;
  }
  if (healed === NO_CHILDREN) throw failed;
  await restoreTimes(session, stat, healed);
  const { sinks } = verdict;
  const error = await undoMarks(session, inode, {
    kind: 'metadata',
    before,
    sinks,
    healed,
    locked: state.all,
  });
  if (error !== undefined) throw error;
  return failed === undefined
    ? { status: 'healed', sinks: healed }
    : { status: 'failed', sinks: healed, error: failed };
}

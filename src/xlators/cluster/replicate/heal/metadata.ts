import { type Dict as AttributeDict, Dict } from '../../../../protocol/dict.ts';
import { SetattrValid } from '../../../../protocol/messages.ts';
import { indicesOf, NO_CHILDREN } from '../../children.ts';
import { lockInode } from '../../heal-locks.ts';
import { wind } from '../../wind.ts';
import { settleFile } from '../transaction/index.ts';
import { answered, type Examined, examine } from './examine.ts';
import { ATTRIBUTES } from './locks.ts';
import { undoMarks } from './marks.ts';
import { isShared, sameEntry } from './metadata-equality.ts';
import { refusal, restoreTimes, splitBrain } from './outcome.ts';
import { prepareSinks } from './prepare.ts';
import { checkpoint, type HealResult, type HealSession } from './session.ts';
import { judge } from './verdict.ts';

/** Times by GlusterFS's clients: bricks merge what is set with what they have, so it goes first. */
const MERGED = 'trusted.glusterfs.mdata';

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
  const right = await attributesOf(session, verdict.source);
  let healed = NO_CHILDREN;
  let failed: unknown;
  for (const index of indicesOf(verdict.sinks)) {
    const { error } = await wind(state.children[index]!, () => copyTo(session, index, stat, right));
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

async function attributesOf({ state, inode, context }: HealSession, index: number): Promise<AttributeDict> {
  const { dict } = await state.children[index]!.getxattr({ loc: { inode }, name: '' }, context);
  return new Dict([...(dict ?? [])].filter(([name]) => isShared(name)));
}

async function copyTo(
  session: HealSession,
  index: number,
  stat: Examined['stat'],
  right: AttributeDict,
): Promise<void> {
  const { state, inode, context } = session;
  const child = state.children[index]!;
  const loc = { inode };
  const { UID, GID, MODE } = SetattrValid;
  await child.setattr({ loc, stat, valid: UID | GID | MODE }, context);
  const wrong = await attributesOf(session, index);
  const changed = new Dict([...right].filter(([name, entry]) => !sameEntry(entry, wrong.entry(name))));
  const gone = new Dict(
    [...wrong].filter(([name]) => !right.has(name) || (name === MERGED && changed.has(name))),
  );
  // Without a name, all that xdata names; GlusterFS's own healers do it so.
  if (gone.size > 0) await child.removexattr({ loc, name: '', xdata: gone }, context);
  if (changed.size > 0) await child.setxattr({ loc, flags: 0, dict: changed }, context);
}

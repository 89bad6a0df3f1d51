import { Fd } from '../../../../graph/index.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import { NO_CHILDREN } from '../../children.ts';
import { lockError, lockInode, WHOLE_FILE } from '../../heal-locks.ts';
import { windAll } from '../../wind.ts';
import { copyData } from './data-copy.ts';
import { type DataHeal, lockData, onSinks, requireSource, statOf } from './data-heal.ts';
import { answered, type Examined, examine } from './examine.ts';
import { undoMarks } from './marks.ts';
import { refusal, restoreTimes, splitBrain } from './outcome.ts';
import { prepareSinks } from './prepare.ts';
import { checkpoint, type HealResult, type HealSession } from './session.ts';
import { judge } from './verdict.ts';

/** Brings the bytes of a regular file from a good copy to all others. Writers go on in between. */
export async function healData(session: HealSession): Promise<HealResult> {
  const { state, inode } = session;
  const alone = await lockInode(session, state.healDomain, WHOLE_FILE, 'tie-break');
  const fd = new Fd(inode, OpenFlag.RDWR);
  try {
    if (alone.on !== state.all) return refusal(session, alone);
    const begun = await begin(session, fd);
    if (!('wanted' in begun)) return begun;
    await copyData(begun);
    return await locked(session, () => conclude(begun));
  } finally {
    fd.closed = true;
    // Copies that are down as well: what is known of the fd there is forgotten, or closed where the brick is just back.
    await windAll(state.children, (child) => child.release({ fd }, session.context));
    await alone.release();
  }
}

/** Runs `work` under the lock of the whole file that writers take. */
async function locked<T>(session: HealSession, work: () => Promise<T>): Promise<T> {
  const { state } = session;
  const lock = await lockData(session, WHOLE_FILE);
  try {
    if (lock.on !== state.all) throw lockError(state, lock);
    return await work();
  } finally {
    await lock.release();
  }
}

/** Under the lock: decides, marks, and cuts the sinks to the size of the source. An answer where nothing is to be copied. */
function begin(session: HealSession, fd: Fd): Promise<DataHeal | HealResult> {
  const { state, inode, context, policy } = session;
  return locked(session, async () => {
    const { generation } = state;
    const found = await examine(state, inode, context);
    const verdict = judge(state, found, 'data', policy);
    if (verdict === undefined) throw state.tooFew(answered(found));
    if (verdict.to === 'leave') return { status: 'clean', sinks: NO_CHILDREN };
    if (verdict.to === 'refuse') return splitBrain(session, 'data');
    checkpoint(session);
    const before = await prepareSinks(session, 'data', found, verdict);
    const { source, sinks } = verdict;
    const heal: DataHeal = { session, fd, source, before, wanted: sinks, sinks, generation };
    const offset = statOf(heal, source).size;
    await onSinks(heal, (index) => state.children[index]!.ftruncate({ fd, offset }, context));
    // An arbiter has no bytes: its marks are all there is to heal.
    return (heal.sinks & state.withData) === NO_CHILDREN ? conclude(heal) : heal;
  });
}

/** Under the lock: all bytes are there, so times are set and the marks taken back, unless the source itself was accused. */
async function conclude(heal: DataHeal): Promise<HealResult> {
  const { session, source } = heal;
  const { state, inode, context } = session;
  const now = await examine(state, inode, context);
  requireSource(heal, now);
  await restoreTimes(session, (now[source] as Examined).stat, heal.sinks);
  const { before, wanted: sinks, sinks: healed } = heal;
  const error = await undoMarks(session, inode, { kind: 'data', before, sinks, healed, locked: state.all });
  if (error !== undefined) throw error;
  return { status: healed === sinks ? 'healed' : 'failed', sinks: healed };
}

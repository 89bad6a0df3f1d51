import { Fd } from '../../../../graph/index.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import { indicesOf, NO_CHILDREN } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { HEALING, isHealing } from '../lock/counters.ts';
import { addCounters, type CounterChange, settleCounters } from './counters.ts';
import { type DataHeal, dropSource, narrow, onSinks, restoreTimes, wrongLength } from './data-heal.ts';
import { type Direction, dataDirection, fragmentSize } from './direction.ts';
import { at, DATA, type Examination, examine, firstOf } from './examine.ts';
import { alone, type Hold, locked } from './locks.ts';
import { rebuild } from './rebuild.ts';
import { CLEAN, checkpoint, type HealResult, type HealSession } from './session.ts';

/** Makes the fragments that are behind anew from those that are not. Readers and writers go on in between. */
export async function healData(session: HealSession): Promise<HealResult> {
  const { state, inode } = session;
  const fd = new Fd(inode, OpenFlag.RDWR);
  try {
    return await alone(session, async () => {
      const begun = await locked(session, inode, (hold) => begin(session, fd, hold));
      if (!('wanted' in begun)) return begun;
      await rebuild(begun);
      // Whoever says that all is well must know that it is on disk.
      await onSinks(begun, (index) => state.children[index]!.fsync({ fd, datasync: 0 }, session.context));
      return locked(session, inode, (hold) => conclude(begun, hold));
    });
  } finally {
    fd.closed = true;
    await windAll(state.children, (child) => child.release({ fd }, session.context));
  }
}

/** Under the lock: decides, marks, and makes the sinks as long as they should be. An answer where nothing is to be rebuilt. */
async function begin(session: HealSession, fd: Fd, { on }: Hold): Promise<DataHeal | HealResult> {
  const { state, inode, context } = session;
  const found = await examine(session, inode, on);
  const direction = dataDirection(state, found);
  if (direction.sinks === NO_CHILDREN) return withoutSinks(session, found, direction);
  checkpoint(session);
  const { sources, sinks } = direction;
  const heal: DataHeal = {
    session,
    fd,
    before: await marked(session, found, direction),
    wanted: sinks,
    sinks,
    sources,
  };
  for (const index of indicesOf(heal.sinks | heal.sources)) {
    if (at(heal.before, index) !== undefined) continue;
    if ((heal.sources & (1 << index)) !== 0) dropSource(heal, index);
    else heal.sinks &= ~(1 << index);
  }
  const offset = fragmentSize(state, firstOf(heal.before, heal.sources).size);
  // Not cut to nothing: until it is healed a fragment may be all that somebody can recover bytes from by hand.
  const uneven = wrongLength(heal, heal.before, firstOf(heal.before, heal.sources).size);
  await onSinks(heal, (index) => state.children[index]!.ftruncate({ fd, offset }, context), uneven);
  return heal;
}

/** No fragment is behind: marks of changes that were interrupted, or that failed everywhere alike, are all there is. */
async function withoutSinks(
  session: HealSession,
  found: Examination,
  { sources }: Direction,
): Promise<HealResult> {
  const source = firstOf(found, sources);
  const settlement = { counter: DATA, now: found, source, sources, healed: NO_CHILDREN } as const;
  if (await settleCounters(session, settlement)) return CLEAN;
  throw session.state.tooFew(sources);
}

/**
 * Marks the sinks as being healed, so that writers take them along and nobody takes them for whole. Where no source is dirty,
 * all of them become it: a heal that does not come to its end must stand in the index. Answers with the counters as they are
 * then; who could not be marked is missing.
 */
async function marked(
  session: HealSession,
  found: Examination,
  { sources, sinks }: Direction,
): Promise<Examination> {
  const indexed = found.found.some(
    ({ index, dirty }) => (sources & (1 << index)) !== 0 && dirty[DATA] !== 0n,
  );
  const changes = new Map<number, CounterChange>();
  for (const { index, version } of found.found) {
    if ((sinks & (1 << index)) !== 0 && !isHealing(version)) changes.set(index, { version: [HEALING, 0n] });
    if ((sources & (1 << index)) !== 0 && !indexed) changes.set(index, { dirty: [1n, 0n] });
  }
  const { done } = await addCounters(session, changes);
  const failed = [...changes.keys()].filter((index) => (done & (1 << index)) === 0);
  return {
    ...found,
    found: found.found
      .filter(({ index }) => !failed.includes(index))
      .map((each) => {
        const { version = [0n, 0n], dirty = [0n, 0n] } = changes.get(each.index) ?? {};
        return {
          ...each,
          version: [each.version[0] + version[0], each.version[1]] as const,
          dirty: [each.dirty[0] + dirty[0], each.dirty[1]] as const,
        };
      }),
  };
}

/** Under the lock: all bytes are there, so times and counters are set. */
async function conclude(heal: DataHeal, { on }: Hold): Promise<HealResult> {
  const { session, wanted } = heal;
  const now = await examine(session, session.inode, on);
  narrow(heal, now, on);
  const source = firstOf(now, heal.sources);
  heal.sinks &= ~wrongLength(heal, now, source.size);
  const { sources, sinks } = heal;
  await restoreTimes(session, source, sinks);
  await settleCounters(session, { counter: DATA, now, source, sources, healed: sinks });
  return { status: sinks === wanted ? 'healed' : 'failed', sinks };
}

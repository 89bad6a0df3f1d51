import { GlfsError } from '../../../../errors.ts';
import type { Fd } from '../../../../graph/index.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { type ChildSet, NO_CHILDREN } from '../../children.ts';
import { type HealLock, type LockRange, lockInode } from '../../heal-locks.ts';
import { windAll } from '../../wind.ts';
import { settleFile } from '../transaction/index.ts';
import { answered, type Examination, type Examined, isExamined } from './examine.ts';
import { type HealSession, requireAll } from './session.ts';

/** The heal of one file's bytes, once it is decided. */
export interface DataHeal {
  readonly session: HealSession;
  readonly fd: Fd;
  readonly source: number;
  /** What the copies said under the first lock. */
  readonly before: Examination;
  /** Copies that were to be healed. */
  readonly wanted: ChildSet;
  /** Those of them on which nothing has failed so far. */
  sinks: ChildSet;
  /** Comings and goings of copies before the first byte: a copy that was away meanwhile may lack what was written to it. */
  readonly generation: number;
}

export function statOf({ before }: DataHeal, index: number): Iatt {
  return (before[index] as Examined).stat;
}

/** Calls all sinks; those that fail are out of the heal. @throws GlfsError the last one's, where none is left */
export async function onSinks(
  heal: DataHeal,
  call: (index: number) => Promise<unknown>,
  among: ChildSet = heal.sinks,
): Promise<void> {
  const { state } = heal.session;
  const answers = await windAll(state.childrenOf(heal.sinks & among), (child) => call(state.indexOf(child)));
  for (const { child, error } of answers) {
    if (error === undefined) continue;
    heal.sinks &= ~(1 << state.indexOf(child));
    state.log.warn({ translator: state.name, subvolume: child.name, error }, 'a copy could not be healed');
    if (heal.sinks === NO_CHILDREN) throw error;
  }
}

/**
 * The source must have stayed right: a writer that could not reach it has accused it on the others, and what was copied from
 * it may be older than what it was copied over. The sinks are accused still.
 * @throws GlfsError
 */
export function requireSource(
  { session: { state }, source, before, generation }: DataHeal,
  now: Examination,
): void {
  if (state.generation !== generation) {
    throw new GlfsError('ENOTCONN', 'a copy came or went during the heal', { translator: state.name });
  }
  requireAll(state, answered(now) | (1 << source));
  const accused = now.some((found, index) => {
    const then = before[index];
    return isExamined(found) && isExamined(then) && found.pending[source]!.data > then.pending[source]!.data;
  });
  if (!accused) return;
  throw new GlfsError('EAGAIN', 'the source of the heal was accused meanwhile', { translator: state.name });
}

/** Waits for the lock that writers take. What this client itself keeps between writes is given up first. */
export async function lockData(session: HealSession, range: LockRange): Promise<HealLock> {
  const { state, inode } = session;
  await settleFile(state, inode.gfid);
  return lockInode(session, state.domain, range, 'wait');
}

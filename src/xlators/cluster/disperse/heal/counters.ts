import type { GlfsError } from '../../../../errors.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { isRegular } from '../../../../protocol/iatt.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { DIRTY, encodeNumbers, type Pair, SIZE, VERSION, ZEROS } from '../lock/counters.ts';
import { at, type Examination, type Examined } from './examine.ts';
import type { HealSession } from './session.ts';

/** What is added to the counters of one subvolume. */
export interface CounterChange {
  readonly version?: Pair;
  readonly dirty?: Pair;
  /** Regular files only. */
  readonly size?: bigint;
}

/** Adds to counters, in one atomic call each. Answers with whom it went through. */
export async function addCounters(
  { state, inode, context }: Pick<HealSession, 'state' | 'inode' | 'context'>,
  changes: ReadonlyMap<number, CounterChange>,
): Promise<{ readonly done: ChildSet; readonly error?: GlfsError }> {
  const indices = [...changes.keys()];
  const answers = await windAll(
    indices.map((index) => state.children[index]!),
    (child) => {
      const { version, dirty, size } = changes.get(state.indexOf(child))!;
      const dict = new Dict();
      if (version !== undefined) dict.setBytes(VERSION, encodeNumbers(...version));
      if (size !== undefined) dict.setBytes(SIZE, encodeNumbers(size));
      if (dirty !== undefined) dict.setBytes(DIRTY, encodeNumbers(...dirty));
      return child.xattrop({ loc: { inode }, operation: XattropFlag.ADD_ARRAY64, dict }, context);
    },
  );
  let done = NO_CHILDREN;
  for (const [position, { error }] of answers.entries())
    if (error === undefined) done |= 1 << indices[position]!;
  return { done, error: answers.find(({ error }) => error !== undefined)?.error };
}

interface Settlement {
  /** Which counter: that of data and names, or that of attributes. */
  readonly counter: 0 | 1;
  /** Under the lock, now that all is as it should be. */
  readonly now: Examination;
  readonly source: Examined;
  readonly sources: ChildSet;
  /** Those that have been healed. */
  readonly healed: ChildSet;
}

/**
 * Gives the healed ones the counters of their source. Dirty marks keep the file in the index: they are taken back only where
 * everyone has everything, and from the sources last. Answers whether that is so.
 * @throws GlfsError where a subvolume did not take its own
 */
export async function settleCounters(
  session: HealSession,
  { counter, now, source, sources, healed }: Settlement,
): Promise<boolean> {
  const { state } = session;
  const complete = (sources | healed) === state.all;
  const only = (value: bigint): Pair => (counter === 0 ? [value, 0n] : [0n, value]);
  const changeOf = (index: number): CounterChange => {
    const { version, dirty, size } = at(now, index)!;
    return {
      version: only(source.version[counter] - version[counter]),
      dirty: complete ? only(-dirty[counter]) : ZEROS,
      // Attributes don't move it.
      ...(isSized(source) && counter === 0 ? { size: source.size - size } : {}),
    };
  };
  const behind = await addCounters(
    session,
    new Map(indicesOf(healed).map((index) => [index, changeOf(index)])),
  );
  if (behind.error !== undefined) throw behind.error;
  const ahead = indicesOf(sources).filter((index) => moves(changeOf(index)));
  const { error } = await addCounters(session, new Map(ahead.map((index) => [index, changeOf(index)])));
  if (error !== undefined) throw error;
  return complete;
}

function isSized({ stat }: Examined): boolean {
  return isRegular(stat);
}

function moves({ version = ZEROS, dirty = ZEROS, size = 0n }: CounterChange): boolean {
  return [...version, ...dirty, size].some((value) => value !== 0n);
}

import type { GlfsError } from '../../../../errors.ts';
import type { Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { gfidKey } from '../../../../protocol/gfid.ts';
import { type Iatt, isDirectory, isRegular } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { DIRTY, type Pair, readCounters, SIZE, VERSION, ZEROS } from '../lock/counters.ts';
import type { HealSession } from './session.ts';

/** What one subvolume has of a file. */
export interface Examined {
  readonly index: number;
  readonly stat: Iatt;
  readonly version: Pair;
  readonly dirty: Pair;
  /** Of a regular file as a whole: trusted.ec.size. */
  readonly size: bigint;
  /** inodelks of operations, where they were asked for. */
  readonly locks: number;
}

/** What was found, and what those that found nothing said. */
export interface Examination {
  /** In the order of the subvolumes. */
  readonly found: readonly Examined[];
  readonly children: ChildSet;
  /** Those that don't have the file. */
  readonly absent: ChildSet;
  readonly errors: readonly GlfsError[];
}

/** Asks `children` for the file by its gfid, and how many have locked it. Never rejects for what one of them says. */
export async function examine(session: HealSession, inode: Inode, children: ChildSet): Promise<Examination> {
  const { state, context } = session;
  const xdata = new Dict().set(keys.inodelkDomainCount, state.domain);
  for (const name of [VERSION, DIRTY, SIZE]) xdata.setEntry(name, { type: 'uint', value: 0n });
  const answers = await windAll(state.childrenOf(children), async (child) => {
    const reply = await child.lookup({ loc: { inode }, flags: 0, xdata: xdata.clone() }, context);
    const { version = ZEROS, dirty = ZEROS, size = 0n } = readCounters(reply.xdata ?? new Dict());
    const locks = reply.xdata?.get(keys.inodelkCount) ?? 0;
    return { index: state.indexOf(child), stat: reply.stat, version, dirty, size, locks };
  });
  const found: Examined[] = [];
  const errors: GlfsError[] = [];
  let absent = NO_CHILDREN;
  for (const { child, reply, error } of answers) {
    if (error === undefined) found.push(reply);
    else {
      errors.push(error);
      if (error.code === 'ENOENT' || error.code === 'ESTALE') absent |= 1 << state.indexOf(child);
    }
  }
  return { found, children: setOf(found), absent, errors };
}

export function setOf(found: readonly Examined[]): ChildSet {
  return found.reduce<ChildSet>((set, { index }) => set | (1 << index), NO_CHILDREN);
}

export function at({ found }: Examination, index: number): Examined | undefined {
  return found.find((each) => each.index === index);
}

export function firstOf(examination: Examination, children: ChildSet): Examined {
  return at(examination, indicesOf(children)[0]!)!;
}

/** Which counter moves with bytes and names, and which with attributes. */
export const DATA = 0;
export const METADATA = 1;

/** Kinds of change that a file of this type can lack. */
export type HealKind = 'data' | 'metadata' | 'entry';

export function kindsOf(stat: Iatt): readonly HealKind[] {
  if (isRegular(stat)) return ['data', 'metadata'];
  return isDirectory(stat) ? ['entry', 'metadata'] : ['metadata'];
}

/** What changes of attributes must leave the same everywhere. */
export function attributesOf({ gfid, mode, rdev, uid, gid }: Iatt): string {
  return `${gfidKey(gfid)} ${mode} ${rdev} ${uid} ${gid}`;
}

import type { Fd } from '../../../../graph/index.ts';
import { SetattrValid } from '../../../../protocol/messages.ts';
import { type ChildSet, countOf, NO_CHILDREN } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { fragmentSize, largest } from './direction.ts';
import { at, DATA, type Examination, type Examined } from './examine.ts';
import { changedMeanwhile, type HealSession } from './session.ts';

/** The heal of one file's fragments, once it is decided. */
export interface DataHeal {
  readonly session: HealSession;
  readonly fd: Fd;
  /** What there was under the first lock, with the marks that the heal has set. */
  readonly before: Examination;
  /** Fragments that were to be healed. */
  readonly wanted: ChildSet;
  /** Those on which nothing has failed so far. */
  sinks: ChildSet;
  /** Good fragments that have missed nothing meanwhile. */
  sources: ChildSet;
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
    state.log.warn(
      { translator: state.name, subvolume: child.name, error },
      'a fragment could not be healed',
    );
    if (heal.sinks === NO_CHILDREN) throw error;
  }
}

/** A good fragment could not be read, or marked: the others go on. @throws GlfsError where they are too few */
export function dropSource(heal: DataHeal, index: number): void {
  heal.sources &= ~(1 << index);
  requireSources(heal);
}

function requireSources({ session: { state }, sources }: DataHeal): void {
  if (!state.readableWith(sources)) throw state.tooFew(sources);
}

/**
 * Writers go on between two steps of a heal, to good fragments and to those that are being healed. A fragment that has missed
 * one of their changes shows it in its counters, and is out: the bytes of fragments of different changes make no file.
 * GlfsError EAGAIN where too few are left.
 */
export function narrow(heal: DataHeal, now: Examination, on: ChildSet): void {
  const { session, before } = heal;
  const { state } = session;
  const moved = ({ index, version, size }: Examined): string => {
    const then = at(before, index)!;
    return `${version[DATA] - then.version[DATA]} ${size - then.size}`;
  };
  const here = now.found.filter(({ index }) => ((heal.sources | heal.sinks) & on & (1 << index)) !== 0);
  const isSource = ({ index }: Examined): boolean => (heal.sources & (1 << index)) !== 0;
  const sources = largest(here.filter(isSource), moved);
  if (countOf(sources) < state.data) {
    throw changedMeanwhile(session, 'too few fragments have all changes that were made during the heal');
  }
  const sample = moved(here.find(({ index }) => (sources & (1 << index)) !== 0)!);
  heal.sources = sources;
  heal.sinks = here.reduce(
    (set, each) => (!isSource(each) && moved(each) === sample ? set | (1 << each.index) : set),
    NO_CHILDREN,
  );
  if (heal.sinks === NO_CHILDREN) throw changedMeanwhile(session, 'all that was healed has missed a change');
}

/** Fragments that do not have the length that the file's size asks for. */
export function wrongLength(heal: DataHeal, now: Examination, size: bigint): ChildSet {
  const length = fragmentSize(heal.session.state, size);
  return now.found
    .filter(({ index, stat }) => (heal.sinks & (1 << index)) !== 0 && stat.size !== length)
    .reduce<ChildSet>((set, { index }) => set | (1 << index), NO_CHILDREN);
}

/** Times as the source has them; what fails here is no reason to heal again. */
export async function restoreTimes(
  { state, inode, context }: HealSession,
  { stat }: Examined,
  on: ChildSet,
): Promise<void> {
  const { ATIME, MTIME, CTIME } = SetattrValid;
  await windAll(state.childrenOf(on), (child) =>
    child.setattr({ loc: { inode }, stat, valid: ATIME | MTIME | CTIME }, context),
  );
}

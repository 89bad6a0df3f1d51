import { type ChildSet, has, indicesOf, NO_CHILDREN } from '../../children.ts';
import type { ChangeKind } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';
import { accountsOf, accusersWanted, type Direction, findDirection } from './direction.ts';
import { type Examination, type Examined, isExamined } from './examine.ts';
import { sameMetadata } from './metadata-equality.ts';
import type { SplitBrainPolicy } from './session.ts';
import { chosenBy, largest, newest, type Stats } from './tie-break.ts';

/** What is to be done about one kind of difference. */
export type Verdict =
  | {
      readonly to: 'heal';
      readonly source: number;
      /** The source, and those that are as good. */
      readonly sources: ChildSet;
      readonly sinks: ChildSet;
      /** The copies could not tell: a policy has chosen. */
      readonly bySplitBrainPolicy: boolean;
    }
  /** There is nothing to do. `pointless`: a policy was given for a file whose copies do not need one. */
  | { readonly to: 'leave' }
  | { readonly to: 'refuse' };

interface Case {
  readonly state: ReplicateState;
  /** Of all copies, under the locks. */
  readonly all: readonly Examined[];
  readonly direction: Direction;
  readonly policy: SplitBrainPolicy | undefined;
}

/** Decides under the locks of all copies. Undefined where not all of them could say. */
export function judge(
  state: ReplicateState,
  examination: Examination,
  kind: Exclude<ChangeKind, 'entry'>,
  policy: SplitBrainPolicy | undefined,
): Verdict | undefined {
  const all = examination.filter(isExamined);
  if (all.length < state.children.length) return undefined;
  const wanted = accusersWanted(state.options, state.children.length);
  const direction = findDirection(accountsOf(examination, kind), state.all, kind, wanted);
  const decide = kind === 'data' ? judgeData : judgeMetadata;
  const verdict = decide({ state, all, direction, policy });
  return verdict.to === 'heal' && verdict.sinks === NO_CHILDREN ? { to: 'leave' } : verdict;
}

function heal(state: ReplicateState, sources: ChildSet, bySplitBrainPolicy: boolean): Verdict {
  return {
    to: 'heal',
    source: indicesOf(sources)[0]!,
    sources,
    sinks: state.all & ~sources,
    bySplitBrainPolicy,
  };
}

function statsOf(all: readonly Examined[]): Stats {
  return all.map(({ stat }) => stat);
}

/** Every copy is a sink, or none a source. */
function isSplit({ state, direction }: Case): boolean {
  return direction.sources === NO_CHILDREN || (direction.sinks & state.all) === state.all;
}

function judgeData(given: Case): Verdict {
  const { state, all, direction, policy } = given;
  const stats = statsOf(all);
  const empty = stats.every(({ size }) => size === 0);
  if (isSplit(given)) return empty ? heal(state, 1, true) : judgeSplit(given, stats, state.withData, policy);
  if (policy !== undefined) return { to: 'leave' };
  let { sources } = direction;
  if (
    differInSize(state, stats, sources) ||
    indicesOf(sources).some((index) => direction.witness[index]! > 0)
  ) {
    sources = largest(stats, sources);
    sources = mostWitnessed(direction.witness, sources);
    sources = newest(stats, sources);
    // An empty file is as good on any copy: not on the arbiter, which can't be healed from.
    if (state.arbiter !== undefined && empty) sources = 1;
  }
  // The arbiter knows that the others lack something, and has no bytes to give.
  if (indicesOf(sources)[0] === state.arbiter && !empty) return { to: 'refuse' };
  return heal(state, sources, false);
}

function differInSize(state: ReplicateState, stats: Stats, sources: ChildSet): boolean {
  const sizes = indicesOf(sources)
    .filter((index) => index !== state.arbiter || stats[index]!.size !== 0)
    .map((index) => stats[index]!.size);
  return new Set(sizes).size > 1;
}

function mostWitnessed(witness: readonly number[], sources: ChildSet): ChildSet {
  const most = Math.max(...indicesOf(sources).map((index) => witness[index]!));
  return indicesOf(sources).reduce((set, index) => (witness[index]! < most ? set : set | (1 << index)), 0);
}

/** What the administrator, or the volume's policy, says where the copies can't. */
function judgeSplit(
  { state }: Case,
  stats: Stats,
  among: ChildSet,
  policy: SplitBrainPolicy | undefined,
): Verdict {
  const favorite = state.options['favorite-child-policy'];
  const chosen =
    policy !== undefined
      ? chosenBy(policy, stats, among, true)
      : favorite === 'none'
        ? undefined
        : chosenBy({ by: favorite }, stats, among, false);
  return chosen === undefined ? { to: 'refuse' } : heal(state, 1 << chosen, true);
}

function judgeMetadata(given: Case): Verdict {
  const { state, all, direction, policy } = given;
  const stats = statsOf(all);
  const witnessed = indicesOf(direction.sources).find((index) => direction.witness[index]! > 0);
  let sources = witnessed === undefined ? direction.sources : 1 << witnessed;
  if (isSplit(given)) {
    if (all.every((each) => sameMetadata(all[0]!, each))) return heal(state, 1, true);
    // Neither size nor time says anything of attributes.
    const telling = policy?.by === 'size' || policy?.by === 'mtime' ? undefined : policy;
    if (policy === undefined || telling !== undefined) {
      const verdict = judgeSplit(given, stats, state.all, telling);
      if (verdict.to === 'heal') return verdict;
    }
    if (policy !== undefined || !state.options['metadata-splitbrain-forced-heal']) return { to: 'refuse' };
    sources = 1;
  } else if (policy !== undefined) return { to: 'leave' };
  const source = indicesOf(sources)[0]!;
  // Attributes that differ although nobody accuses anybody: one is as good as the other, but they must not stay so.
  const same = indicesOf(sources).filter((index) => sameMetadata(all[source]!, all[index]!));
  return heal(
    state,
    same.reduce((set, index) => set | (1 << index), 0),
    isSplit(given),
  );
}

/** Sinks that a source does not accuse yet: it must before they are touched, or a crash leaves half a heal that looks right. */
export function unaccused(
  examination: Examination,
  kind: ChangeKind,
  { sources, sinks }: { readonly sources: ChildSet; readonly sinks: ChildSet },
): ChildSet {
  let set = NO_CHILDREN;
  for (const source of indicesOf(sources)) {
    const found = examination[source];
    if (!isExamined(found)) continue;
    for (const [accused, changelog] of found.pending.entries())
      if (has(sinks, accused) && changelog[kind] === 0) set |= 1 << accused;
  }
  return set;
}

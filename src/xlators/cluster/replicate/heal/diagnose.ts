import { type CallContext, Inode } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { type ChangeKind, changeKinds } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';
import { accountsOf, accusersWanted, type Direction, findDirection } from './direction.ts';
import { answered, type Examination, examine, isExamined, lockCount } from './examine.ts';
import { kindsOf, type Suspicion, suspicionOf } from './inspect.ts';
import { healContext } from './session.ts';

/** What is wrong with one file, by kind. */
export interface Ailment {
  readonly pending: boolean;
  readonly splitBrain: boolean;
}

/** What the copies of a file say of each other: one line of `heal info`. */
export interface Diagnosis {
  readonly gfid: Gfid;
  readonly data: Ailment;
  readonly metadata: Ailment;
  readonly entry: Ailment;
  /** Somebody heals it at this moment: "possibly undergoing heal". */
  readonly busy: boolean;
  /** Some copy accuses a copy; otherwise it is only dirty. GlusterFS's "-pending". */
  readonly accused: boolean;
}

/** GlusterFS looks no further than the first kind that is in split-brain, or that not all copies could speak of. */
const order: readonly ChangeKind[] = ['metadata', 'data', 'entry'];

/**
 * What the copies say of each other, without changing anything and without locks: a file that is only being written, marks
 * of a change under way and a lock that covers it, is not ill.
 * @throws GlfsError as lookup of the gfid does
 */
export async function diagnose(state: ReplicateState, gfid: Gfid, _context: CallContext): Promise<Diagnosis> {
  const inode = new Inode(gfid);
  const found = await examine(state, inode, healContext());
  const suspicion = suspicionOf(state, found);
  if (suspicion.torn) return diagnosis(gfid, suspicion, { all: true });
  const complete = answered(found) === state.all;
  const directions = directionsOf(state, found, suspicion);
  const first = complete ? directions.findIndex(({ direction }) => direction.splitBrain) : 0;
  const accused = directions.some(({ direction }, at) => direction.pending && (first < 0 || at <= first));
  const split = complete ? directions[first]?.kind : undefined;
  if (complete && split === undefined) {
    if (!accused && isOnlyBeingWritten(state, found)) return diagnosis(gfid, healthy(suspicion), {});
    return diagnosis(gfid, suspicion, {
      accused,
      busy: accused && locks(state, found, state.healDomain) > 0,
    });
  }
  return diagnosis(gfid, suspicion, { accused, split });
}

function directionsOf(
  state: ReplicateState,
  found: Examination,
  { kinds }: Suspicion,
): readonly { kind: ChangeKind; direction: Direction }[] {
  const wanted = accusersWanted(state.options, state.children.length);
  return order
    .filter((kind) => kinds[kind])
    .map((kind) => ({
      kind,
      direction: findDirection(accountsOf(found, kind), answered(found), kind, wanted),
    }));
}

/** Under way is one change: where two are noted, one of them has not come to its end. */
function isOnlyBeingWritten(state: ReplicateState, found: Examination): boolean {
  const unfinished = found.some(
    (each) => isExamined(each) && kindsOf(each.stat).some((kind) => each.dirty[kind] > 1),
  );
  return !unfinished && locks(state, found, state.domain) > 0;
}

function locks(state: ReplicateState, found: Examination, domain: string): number {
  return Math.max(
    0,
    ...state.children.map((_, index) => {
      const each = found[index];
      return isExamined(each) ? lockCount(each, domain) : 0;
    }),
  );
}

function healthy(suspicion: Suspicion): Suspicion {
  return { ...suspicion, kinds: { data: false, metadata: false, entry: false } };
}

function diagnosis(
  gfid: Gfid,
  { kinds }: Suspicion,
  {
    split,
    all = false,
    accused = false,
    busy = false,
  }: { split?: ChangeKind; all?: boolean; accused?: boolean; busy?: boolean },
): Diagnosis {
  const ailments = changeKinds.map((kind) => [
    kind,
    { pending: kinds[kind] || all, splitBrain: all || kind === split },
  ]);
  return {
    ...(Object.fromEntries(ailments) as Record<ChangeKind, Ailment>),
    gfid,
    busy,
    accused,
  };
}

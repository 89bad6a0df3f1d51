import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Inode, Loc, Reply } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { type ChildSet, indicesOf } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { CHANGELOG_BYTES, type ChangeKind, type Changelog, decodeChangelog } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';

const DOMAIN_PREFIX = 'glusterfs.inodelk-dom-prefix:';

/** What one copy says of itself and of the others. */
export interface Examined {
  readonly stat: Iatt;
  /** Attributes of the file, and what else the brick was asked for. */
  readonly xdata: Dict;
  readonly dirty: Changelog;
  /** By position: of what it accuses that copy. */
  readonly pending: readonly Changelog[];
}

/** By position of the copy; an error where it could not say, undefined where it was not asked. */
export type Examination = readonly (Examined | GlfsError | undefined)[];

/** Asks for marks: trusted.afr.dirty and trusted.afr.<client> of every copy. */
export function wantMarks(state: ReplicateState, xdata = new Dict()): Dict {
  for (const name of [...state.pendingNames, state.dirtyName])
    xdata.setEntry(name, { type: 'uint', value: BigInt(CHANGELOG_BYTES) });
  return xdata;
}

/** What LOOKUP of a heal asks for: marks, all attributes, and whether anyone has locked the file. */
export function wantEverything(state: ReplicateState): Dict {
  const xdata = wantMarks(state).set(keys.listXattrs, 1).set(keys.inodelkCountsOfDomains, 1);
  for (const domain of [state.domain, state.healDomain])
    xdata.setEntry(DOMAIN_PREFIX + domain, { type: 'uint', value: 1n });
  return xdata;
}

/** How many inodelks a brick counted in a domain. */
export function lockCount(examined: Examined, domain: string): number {
  const entry = examined.xdata.entry(DOMAIN_PREFIX + domain);
  return entry?.type === 'int' || entry?.type === 'uint' ? Number(entry.value) : 0;
}

export function readMarks(
  state: ReplicateState,
  xdata: Dict | undefined,
): Pick<Examined, 'dirty' | 'pending'> {
  return {
    dirty: decodeChangelog(xdata?.bytes(state.dirtyName)),
    pending: state.pendingNames.map((name) => decodeChangelog(xdata?.bytes(name))),
  };
}

export function examined(state: ReplicateState, { stat, xdata }: Reply<'lookup'>): Examined {
  return { stat, xdata: xdata ?? new Dict(), ...readMarks(state, xdata) };
}

/** Asks copies of a file by its gfid; all that are up where `children` is absent. Never rejects. */
export function examine(
  state: ReplicateState,
  inode: Inode,
  context: CallContext,
  children: ChildSet = state.up,
): Promise<Examination> {
  return examineAt(state, () => ({ inode }), context, children);
}

/**
 * As `examine`, for a name in a directory. `loc` makes the location for each copy: a name may be another file on each, so
 * each needs an inode of its own.
 */
export async function examineAt(
  state: ReplicateState,
  loc: (index: number) => Loc,
  context: CallContext,
  children: ChildSet = state.up,
  xdata: Dict = wantEverything(state),
): Promise<Examination> {
  const answers = await windAll(state.childrenOf(children), (child) =>
    child.lookup({ loc: loc(state.indexOf(child)), flags: 0, xdata: xdata.clone() }, context),
  );
  const result: (Examined | GlfsError | undefined)[] = state.children.map(() => undefined);
  for (const [at, index] of indicesOf(children).entries()) {
    const { reply, error } = answers[at]!;
    result[index] = reply === undefined ? error : examined(state, reply);
  }
  return result;
}

export function isExamined(found: Examined | GlfsError | undefined): found is Examined {
  return found !== undefined && !(found instanceof GlfsError);
}

/** Positions of those that answered. */
export function answered(examination: Examination): ChildSet {
  return examination.reduce<ChildSet>(
    (set, found, index) => (isExamined(found) ? set | (1 << index) : set),
    0,
  );
}

/** Whether any copy bears a mark of this kind. */
export function isMarked(examination: Examination, kind: ChangeKind): boolean {
  return examination.some(
    (found) =>
      isExamined(found) &&
      (found.dirty[kind] !== 0 || found.pending.some((changelog) => changelog[kind] !== 0)),
  );
}

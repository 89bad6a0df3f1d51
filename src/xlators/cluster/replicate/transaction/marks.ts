import type { GlfsError } from '../../../../errors.ts';
import type { CallContext, Inode, Subvolume } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { keys } from '../../../../protocol/keys.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import { type ChildSet, has, indicesOf, NO_CHILDREN } from '../../children.ts';
import { type FileTarget, openFd } from '../../locking/lockees.ts';
import { wind } from '../../wind.ts';
import { type ChangeKind, CLEAN, decodeChangelog, encodeChangelog } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';

/** A file whose changelog is moved, and for a directory the name that changes. */
export interface MarkTarget extends FileTarget {
  readonly name?: string;
}

/** What is to be added to the counters of one kind. */
export interface Marks {
  readonly kind: ChangeKind;
  readonly dirty?: number;
  /** Copies that are accused: one more for each. */
  readonly blamed: ChildSet;
  /** Copies that were accused for a change which then was not made: one less for each. */
  readonly pardoned?: ChildSet;
  /** Counters of the copies are told, even where none is moved. */
  readonly pending: boolean;
  /** What the index notes of the name: it is about to change or not the same everywhere, or it is the same again. */
  readonly name?: 'in' | 'out';
}

/** How marking went. */
export interface Marked {
  readonly done: ChildSet;
  /** By position: counters as they are now, of the last target. */
  readonly counters: readonly (Dict | undefined)[];
  readonly error?: GlfsError;
}

const zeros = encodeChangelog(CLEAN);

/** Moves the changelogs of all targets on each of `children`, all at once. */
export async function mark(
  state: ReplicateState,
  targets: readonly MarkTarget[],
  children: ChildSet,
  marks: Marks,
  context: CallContext,
): Promise<Marked> {
  const dict = counters(state, marks);
  const told: (Dict | undefined)[] = state.children.map(() => undefined);
  let done = NO_CHILDREN;
  let last: GlfsError | undefined;
  const moves = targets.map((target) => move(target, dict, marks.name, context));
  await Promise.all(
    indicesOf(children).map(async (index) => {
      const answers = await Promise.all(moves.map((one) => wind(state.children[index]!, one)));
      const failed = answers.find(({ error }) => error !== undefined);
      if (failed === undefined) done |= 1 << index;
      else last = failed.error;
      told[index] = answers.at(-1)?.reply?.dict;
    }),
  );
  return { done, counters: told, error: last };
}

function counters(state: ReplicateState, marks: Marks): Dict {
  const { kind, dirty, blamed, pardoned = NO_CHILDREN, pending } = marks;
  const dict = new Dict();
  if (pending) {
    for (const [index, name] of state.pendingNames.entries()) {
      const moved = Number(has(blamed, index)) - Number(has(pardoned, index));
      dict.setBytes(name, moved === 0 ? zeros : encodeChangelog({ [kind]: moved }));
    }
  }
  if (dirty !== undefined) dict.setBytes(state.dirtyName, encodeChangelog({ [kind]: dirty }));
  return dict;
}

const nameKeys = { in: keys.indexNameIn, out: keys.indexNameOut };

function move(target: MarkTarget, dict: Dict, note: Marks['name'], context: CallContext) {
  const { inode, name } = target;
  const operation = XattropFlag.ADD_ARRAY;
  const noted = note === undefined || name === undefined ? undefined : new Dict().set(nameKeys[note], name);
  const xdata = noted ?? keptNames(inode);
  return (child: Subvolume) => {
    const fd = openFd(target);
    return fd === undefined
      ? child.xattrop({ loc: { inode }, operation, dict, xdata }, context)
      : child.fxattrop({ fd, operation, dict, xdata }, context);
  };
}

/**
 * For an xattrop on a directory: a brick takes all its names out of the index where nobody is accused, and the call has no xdata
 * to say otherwise. A change of another name may have noted its own, and accuse only later.
 */
export function keptNames({ type }: Inode): Dict | undefined {
  return type === 'directory' ? new Dict().set(keys.indexPurge, 0) : undefined;
}

/** Copies that any of the others accuses, by the counters that marking has brought. */
export function accused(state: ReplicateState, kind: ChangeKind, { counters: told }: Marked): ChildSet {
  let set = NO_CHILDREN;
  for (const dict of told) {
    if (dict === undefined) continue;
    for (const [index, name] of state.pendingNames.entries()) {
      if (decodeChangelog(dict.bytes(name))[kind] !== 0) set |= 1 << index;
    }
  }
  return set;
}

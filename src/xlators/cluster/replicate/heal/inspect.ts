import { GlfsError } from '../../../../errors.ts';
import { type FileType, type Iatt, isDirectory, isRegular, typeOfMode } from '../../../../protocol/iatt.ts';
import { type ChangeKind, changeKinds } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';
import { type Examination, type Examined, isExamined, isMarked } from './examine.ts';

/** What a look without locks says may need a heal: where it says no, there is nothing to heal. */
export interface Suspicion {
  readonly type: FileType;
  readonly kinds: Readonly<Record<ChangeKind, boolean>>;
  /** The copies are not even of the same type. */
  readonly torn: boolean;
}

/** @throws GlfsError what the copies say where none has the file. */
export function suspicionOf(state: ReplicateState, examination: Examination): Suspicion {
  const all = examination.filter(isExamined);
  const [first] = all;
  if (first === undefined) throw nobodyHas(state, examination);
  const differs = (of: (stat: Iatt) => unknown): boolean =>
    all.some(({ stat }) => of(stat) !== of(first.stat));
  const type = typeOfMode(first.stat.mode);
  return {
    type,
    torn: differs(({ mode }) => typeOfMode(mode)),
    kinds: {
      // A directory's counter of data asks for a full crawl of its entries.
      data: type !== 'directory' && (isMarked(examination, 'data') || differsInSize(state, examination)),
      metadata:
        isMarked(examination, 'metadata') ||
        differs(({ mode }) => mode) ||
        differs(({ uid }) => uid) ||
        differs(({ gid }) => gid),
      entry: isMarked(examination, 'entry'),
    },
  };
}

/** The arbiter has no bytes, whatever size the others have. */
function differsInSize(state: ReplicateState, examination: Examination): boolean {
  const sized = examination.filter(
    (found, index): found is Examined =>
      isExamined(found) && index !== state.arbiter && isRegular(found.stat),
  );
  return new Set(sized.map(({ stat }) => stat.size)).size > 1;
}

/** ENOENT or ESTALE only where all copies were asked and say so. */
function nobodyHas(state: ReplicateState, examination: Examination): GlfsError {
  const gone = examination.filter(
    (found): found is GlfsError =>
      found instanceof GlfsError && (found.code === 'ENOENT' || found.code === 'ESTALE'),
  );
  return gone.length === state.children.length ? gone[0]! : state.tooFew(0);
}

/** Kinds of change that a file of this type can have suffered. */
export function kindsOf(stat: Iatt): readonly ChangeKind[] {
  return changeKinds.filter(
    (kind) => kind === 'metadata' || (kind === 'data' ? isRegular(stat) : isDirectory(stat)),
  );
}

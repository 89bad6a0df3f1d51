import { GlfsError } from '../../../../errors.ts';
import type { Inode } from '../../../../graph/index.ts';
import { type Gfid, gfidKey, gfidToString } from '../../../../protocol/gfid.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { type ChildSet, countOf, has, indicesOf } from '../../children.ts';
import type { CopyAnswer } from '../operation.ts';
import type { ReplicateState } from '../state.ts';

/** Copies for which a name means the same file. */
interface Camp {
  readonly gfid: Gfid;
  members: ChildSet;
}

interface Ballot {
  /** The directory: a copy of it that is accused has less of a say. */
  readonly parent: Inode;
  /** Decides where as many say one as the other. */
  prefers(gfid: Gfid): boolean;
}

type Named = CopyAnswer<'create' | 'mknod' | 'mkdir' | 'symlink' | 'rename'>;

/**
 * A name must mean one file: copies on which an operation has hit (or opened) another one than on the rest have not done
 * it, and their directory is to be healed. Each with its error.
 */
export function strangers(
  state: ReplicateState,
  answers: readonly (Named | undefined)[],
  { parent, prefers }: Ballot,
): ReadonlyMap<number, GlfsError> {
  const camps = new Map<string, Camp>();
  for (const [index, answer] of answers.entries()) {
    if (answer?.reply === undefined) continue;
    const { gfid }: Iatt = answer.reply.stat;
    const camp = camps.get(gfidKey(gfid)) ?? { gfid, members: 0 };
    camp.members |= 1 << index;
    camps.set(gfidKey(gfid), camp);
  }
  if (camps.size < 2) return new Map();
  const readable = state.file(parent).readable('data');
  const rank = ({ gfid, members }: Camp): number[] => [
    countOf(members & readable),
    countOf(members),
    prefers(gfid) ? 1 : 0,
    -indicesOf(members)[0]!,
  ];
  const [right] = [...camps.values()].sort((a, b) => compare(rank(b), rank(a)));
  const replied = [...answers.keys()].filter((index) => answers[index]?.reply !== undefined);
  const wrong = replied.filter((index) => !has(right!.members, index));
  return new Map(wrong.map((index) => [index, strange(state, index, right!.gfid)]));
}

function compare(a: readonly number[], b: readonly number[]): number {
  const first = a.findIndex((value, index) => value !== b[index]);
  return first < 0 ? 0 : a[first]! - b[first]!;
}

function strange(state: ReplicateState, index: number, right: Gfid): GlfsError {
  const subvolume = state.children[index]!.name;
  return new GlfsError('EIO', `the name is another file on ${subvolume} than ${gfidToString(right)}`, {
    translator: state.name,
  });
}

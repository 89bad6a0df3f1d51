import type { Inode } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { type ChildSet, indicesOf } from '../children.ts';
import type { CopyAnswer, OperationOutcome } from '../operation.ts';
import type { ReplicateState } from '../state.ts';

type Replied<K extends FopName> = NonNullable<CopyAnswer<K>['reply']>;

/**
 * What a readable copy of the file or directory said among those that took part: attributes of a copy that others accuse
 * would tell of what is not there.
 */
export function replyOf<K extends FopName>(
  state: ReplicateState,
  { answers, succeeded }: OperationOutcome<K>,
  inode: Inode | Gfid,
): Replied<K> {
  return answers[indexOfCopy(state, inode, succeeded)]!.reply!;
}

function indexOfCopy(state: ReplicateState, inode: Inode | Gfid, succeeded: ChildSet): number {
  const readable = state.file(inode).readable('data') & succeeded;
  // The arbiter's sizes are zeros: any other is better.
  const better = [readable & state.withData, readable, succeeded & state.withData, succeeded];
  return indicesOf(better.find((set) => set !== 0)!)[0]!;
}

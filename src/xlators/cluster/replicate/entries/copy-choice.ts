import type { FopName } from '../../../../protocol/fops.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import type { FileType } from '../../../../protocol/iatt.ts';
import type { CopyAnswer, OperationOutcome } from '../operation.ts';
import { readChild } from '../read-child/index.ts';
import type { ReplicateState } from '../state.ts';

type Replied<K extends FopName> = NonNullable<CopyAnswer<K>['reply']>;

/**
 * What the copy of a file or directory said that reads go to, among those that took part: attributes of a copy that others
 * accuse would tell of what is not there, and those of ever another copy would seem to change.
 */
export function replyOf<K extends FopName>(
  state: ReplicateState,
  { answers, succeeded }: OperationOutcome<K>,
  file: { readonly gfid: Gfid; readonly type: FileType },
): Replied<K> {
  const readable = state.file(file.gfid).readable('data') & succeeded;
  // The arbiter's sizes are zeros: any other is better.
  const better = [readable & state.withData, readable, succeeded & state.withData, succeeded];
  const index = readChild(state, better.find((set) => set !== 0) ?? 0, file)!;
  return answers[index]!.reply!;
}

import type { CallContext } from '../../../../graph/index.ts';
import { Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { type Iatt, isDirectory, isRegular, typeOfMode } from '../../../../protocol/iatt.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import { has } from '../../children.ts';
import { failures, internalDetached, windAll } from '../../wind.ts';
import { type Changelog, CLEAN, encodeChangelog } from '../changelog.ts';
import type { OperationOutcome } from '../operation.ts';
import type { ReplicateState } from '../state.ts';

type Making = 'create' | 'mknod' | 'mkdir' | 'symlink';

/**
 * A file that not all copies have got: those that have it accuse the others on the file itself, so that whoever heals the
 * name knows that the file behind it is to be filled, too. What can't be marked is found by its directory's heal.
 */
export async function markNewEntry(
  state: ReplicateState,
  stat: Iatt,
  { succeeded, failed }: OperationOutcome<Making>,
  context: CallContext,
): Promise<void> {
  const counters = encodeChangelog(lackOf(state, stat));
  const none = encodeChangelog(CLEAN);
  const dict = new Dict();
  for (const [index, name] of state.pendingNames.entries())
    dict.setBytes(name, has(failed, index) ? counters : none);
  const loc = { inode: new Inode(stat.gfid, typeOfMode(stat.mode)) };
  const operation = XattropFlag.ADD_ARRAY;
  const own = internalDetached(context);
  const answers = await windAll(state.childrenOf(succeeded), (child) =>
    child.xattrop({ loc, operation, dict: dict.clone() }, own),
  );
  for (const { child, error } of failures(answers)) {
    const details = { translator: state.name, subvolume: child.name, gfid: loc.inode.toString(), error };
    state.log.warn(details, 'a new file could not be marked as missing elsewhere');
  }
}

/** What is missing where such a file is missing. A file of a kind that has no content has attributes only. */
function lackOf(state: ReplicateState, stat: Iatt): Changelog {
  // A directory's data counter means: all of its names are to be healed, not only those that the index notes.
  if (isDirectory(stat)) return { data: state.options['granular-entry-heal'] ? 1 : 0, metadata: 1, entry: 1 };
  return { data: isRegular(stat) ? 1 : 0, metadata: 1, entry: 0 };
}

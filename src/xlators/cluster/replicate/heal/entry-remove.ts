import { isGlfsError } from '../../../../errors.ts';
import { gfidToString } from '../../../../protocol/gfid.ts';
import { isDirectory } from '../../../../protocol/iatt.ts';
import { putAside } from './anonymous.ts';
import { type EntryHeal, inodeAt, type NameView, statAt } from './entry-view.ts';

/** RMDIR: with all that is below. */
const WITH_CONTENTS = 1;

/** Takes a name away from a copy that should not have it. Where it has no such name, nothing. */
export async function removeName(heal: EntryHeal, view: NameView, target: number): Promise<void> {
  const { state, context } = heal;
  const stat = statAt(view, target);
  if (stat === undefined) return;
  if (await putAside(heal, view, target)) return;
  const child = state.children[target]!;
  const { parent, name } = view;
  state.log.info(
    { translator: state.name, subvolume: child.name, name, gfid: gfidToString(stat.gfid) },
    'a name that a copy has too much is removed',
  );
  const loc = { inode: inodeAt(view, target), parent, name };
  try {
    if (isDirectory(stat)) await child.rmdir({ loc, xflags: WITH_CONTENTS }, context);
    else await child.unlink({ loc, xflags: 0 }, context);
  } catch (error) {
    if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
  }
}

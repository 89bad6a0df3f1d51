import type { CallContext, Reply, Request, Subvolume } from '../../../graph/index.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import { isDirectory, isRegular } from '../../../protocol/iatt.ts';
import {
  combined,
  failures,
  internalDetached,
  type Success,
  successes,
  transaction,
  windAll,
} from '../wind.ts';
import { isGone, mergedStat } from './everywhere.ts';
import type { Part } from './fops.ts';
import { namesOf } from './remove.ts';
import type { StripeState } from './state.ts';

/**
 * First on the first subvolume, which decides; then on all others. Where one of those fails the name is given back, unless
 * something was replaced: then the next lookup of the name puts right what it can.
 */
export const rename: Part<'rename'> = async (state, request, context) => {
  state.requireAll();
  const { loc, newLoc } = request;
  const layout = await state.layoutOf(loc, context);
  return transaction(context, (own) =>
    state.locks.names([...namesOf(loc), ...namesOf(newLoc)], own, async () => {
      const replaced = newLoc.inode.known && !gfidEquals(newLoc.inode.gfid, loc.inode.gfid);
      const first = await state.first.rename(request, own);
      if (!isRegular(first.stat) && !isDirectory(first.stat)) {
        await dropReplaced(state, request, own);
        return first;
      }
      const answers = await windAll(state.others, (child) => child.rename(request, own));
      const failed = failures(answers);
      if (failed.length > 0) {
        const done: Success<Reply<'rename'>>[] = [
          { child: state.first, reply: first },
          ...successes(answers),
        ];
        if (!replaced)
          await giveBack(
            request,
            done.map(({ child }) => child),
            own,
          );
        throw combined(failed, state.name);
      }
      const replies = [first, ...answers.map(({ reply }) => reply!)];
      return layout === undefined ? first : mergedStat(state, layout, replies);
    }),
  );
};

/** A link or a special file is on the first subvolume only; what it took the place of may have had stripes. */
async function dropReplaced(
  state: StripeState,
  { newLoc }: Request<'rename'>,
  context: CallContext,
): Promise<void> {
  if (newLoc.inode.type !== 'file') return;
  const own = internalDetached(context);
  const dropped = await windAll(state.others, (child) => child.unlink({ loc: newLoc, xflags: 0 }, own));
  for (const { child, error } of failures(dropped))
    if (!isGone(error)) {
      const details = { translator: state.name, subvolume: child.name, name: newLoc.name, error };
      state.log.warn(details, 'a stripe of a replaced file stays behind');
    }
}

async function giveBack(
  { loc, newLoc }: Request<'rename'>,
  children: readonly Subvolume[],
  context: CallContext,
): Promise<void> {
  const own = internalDetached(context);
  const back = { loc: { ...newLoc, inode: loc.inode }, newLoc: { ...loc, inode: newLoc.inode } };
  await windAll(children, (child) => child.rename(back, own));
}

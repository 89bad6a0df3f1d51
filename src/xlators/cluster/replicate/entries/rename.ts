import type { CallContext, Inode, Loc, Reply, Request } from '../../../../graph/index.ts';
import { gfidEquals } from '../../../../protocol/gfid.ts';
import { typeOfMode } from '../../../../protocol/iatt.ts';
import type { ReplicateState } from '../state.ts';
import { runTransaction } from '../transaction/index.ts';
import { replyOf } from './copy-choice.ts';
import { isNotEmpty, requireEmpty } from './emptiness.ts';
import { targetOf } from './entry-target.ts';
import { strangers } from './gfid-vote.ts';
import { goodFirst } from './good-first.ts';

/** Moves a name: a change of both directories, each marked on its own, even where both are the same. */
export async function rename(
  state: ReplicateState,
  request: Request<'rename'>,
  context: CallContext,
): Promise<Reply<'rename'>> {
  const { loc, newLoc } = request;
  const from = targetOf(loc);
  const to = targetOf(newLoc);
  const emptied = replaced(newLoc);
  const reply = await runTransaction<'rename'>(
    state,
    {
      kind: 'entry',
      fop: 'rename',
      locks: [from, to, ...emptied.map((parent) => ({ parent }))],
      marks: [from, to],
      wind: goodFirst(state, [from.parent, to.parent, ...emptied], (child, own) =>
        child.rename(request, own),
      ),
      pardons: isNotEmpty,
      disowns: (answers) => {
        const prefers = (gfid: Uint8Array): boolean => gfidEquals(gfid, loc.inode.gfid);
        return strangers(state, answers, { parent: from.parent, prefers });
      },
      compose: (chosen, outcome) => {
        requireEmpty(outcome);
        const { preoldparent, postoldparent } = replyOf(state, outcome, from.parent);
        const { prenewparent, postnewparent } = replyOf(state, outcome, to.parent);
        const moved = replyOf(
          state,
          outcome,
          loc.inode.known ? loc.inode : { gfid: chosen.stat.gfid, type: typeOfMode(chosen.stat.mode) },
        );
        return { ...moved, preoldparent, postoldparent, prenewparent, postnewparent };
      },
    },
    context,
  );
  if (newLoc.inode.known && newLoc.inode !== loc.inode) state.files.drop(newLoc.inode.gfid);
  return reply;
}

/** A directory that is replaced must be empty on all copies, and stay so. */
function replaced({ inode }: Loc): Inode[] {
  return inode.known && inode.type === 'directory' ? [inode] : [];
}

import type { CallContext, Reply, Request } from '../../../../graph/index.ts';
import type { ReplicateState } from '../state.ts';
import { runTransaction } from '../transaction/index.ts';
import { replyOf } from './copy-choice.ts';
import { isNotEmpty, requireEmpty } from './emptiness.ts';
import { targetOf } from './entry-target.ts';
import { goodFirst } from './good-first.ts';

export async function unlink(
  state: ReplicateState,
  request: Request<'unlink'>,
  context: CallContext,
): Promise<Reply<'unlink'>> {
  const target = targetOf(request.loc);
  return gone(
    state,
    request,
    runTransaction<'unlink'>(
      state,
      {
        kind: 'entry',
        fop: 'unlink',
        locks: [target],
        marks: [target],
        wind: goodFirst(state, [target.parent], (child, own) => child.unlink(request, own)),
        compose: (_chosen, outcome) => replyOf(state, outcome, target.parent),
      },
      context,
    ),
  );
}

/** Under a lock of the whole directory: none of its copies gets a name while others are being removed. */
export async function rmdir(
  state: ReplicateState,
  request: Request<'rmdir'>,
  context: CallContext,
): Promise<Reply<'rmdir'>> {
  const target = targetOf(request.loc);
  const { inode } = request.loc;
  return gone(
    state,
    request,
    runTransaction<'rmdir'>(
      state,
      {
        kind: 'entry',
        fop: 'rmdir',
        locks: inode.known ? [target, { parent: inode }] : [target],
        marks: [target],
        wind: goodFirst(state, [target.parent, inode], (child, own) => child.rmdir(request, own)),
        pardons: isNotEmpty,
        compose: (_chosen, outcome) => {
          requireEmpty(outcome);
          return replyOf(state, outcome, target.parent);
        },
      },
      context,
    ),
  );
}

/** What was known of the file goes with it; should it have other names, its copies are asked again. */
async function gone<R>(
  state: ReplicateState,
  { loc: { inode } }: Request<'unlink' | 'rmdir'>,
  done: Promise<R>,
): Promise<R> {
  const reply = await done;
  if (inode.known) state.files.drop(inode.gfid);
  return reply;
}

import { GlfsError } from '../../../errors.ts';
import type { CallContext, Reply, Request } from '../../../graph/index.ts';
import { hasLinktoMode, isMigrating, withoutMigrationBits } from './merge.ts';
import { copySource } from './mutation.ts';
import type { DistributeState } from './state.ts';

/**
 * Where both files are on one subvolume, it copies by itself. GlusterFS would send this to its first subvolume, whatever
 * the files.
 * @throws GlfsError EXDEV where they are not, or one of them is being moved: the caller reads and writes the range, which
 *   puts right what may have been copied before that was seen.
 */
export async function copyFileRange(
  state: DistributeState,
  request: Request<'copyFileRange'>,
  context: CallContext,
): Promise<Reply<'copyFileRange'>> {
  const { source, target } = request;
  const child = await state.cachedChild(source, context);
  if (child !== (await state.cachedChild(target, context))) throw elsewhere(state);
  const reply = await child.copyFileRange(request, context);
  if (state.children.length === 1) return reply;
  const { stat, poststat } = reply;
  const copied = { inode: target.inode };
  if (
    hasLinktoMode(stat) ||
    hasLinktoMode(poststat) ||
    isMigrating(poststat) ||
    copySource(state, copied) === child
  )
    throw elsewhere(state);
  return { ...reply, stat: withoutMigrationBits(stat) };
}

function elsewhere(state: DistributeState): GlfsError {
  return new GlfsError('EXDEV', 'the two files are not both settled on one subvolume', {
    translator: state.name,
  });
}

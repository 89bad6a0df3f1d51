import { GlfsError, isGlfsError } from '../../../errors.ts';
import type { CallContext, Reply, Request, Subvolume } from '../../../graph/index.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import { healLinktoOwner, makeLinkto, removeStaleLinkto } from './linkfile.ts';
import { asDirectory, withoutMigrationBits } from './merge.ts';
import { mutateFile } from './mutation.ts';
import type { DistributeState } from './state.ts';
import { transaction } from './wind.ts';

/**
 * A further name for a file: on the subvolume that has the data, with a linkto file where the new name hashes to. While the
 * file is being copied to another subvolume, the copy gets the name too.
 */
export function link(
  state: DistributeState,
  request: Request<'link'>,
  context: CallContext,
): Promise<Reply<'link'>> {
  return transaction(context, (own) => addName(state, request, own));
}

async function addName(
  state: DistributeState,
  request: Request<'link'>,
  context: CallContext,
): Promise<Reply<'link'>> {
  const { loc, newLoc } = request;
  const { parent, name } = newLoc;
  if (parent === undefined || name === undefined)
    throw new GlfsError('EINVAL', 'link needs a parent and a name');
  const cached = await state.cachedChild(loc, context);
  const hashed = await state.hashedChild(parent, name, context);
  const entry = { parent, name };
  const made = hashed !== cached && (await pointer(state, request, hashed, cached, context));
  let reply: Reply<'link'>;
  try {
    reply = await mutateFile(state, { inode: loc.inode }, context, {
      call: (child, own) => child.link(request, own),
      statOf: ({ stat }) => stat,
      mirror: async (destination, root) => {
        // The linkto file made above is a link to the copy already.
        if (destination === hashed) return undefined;
        return (await destination.link(request, root)).stat;
      },
    });
  } catch (error) {
    if (made && isGlfsError(error) && error.outcome === 'failed') {
      await removeStaleLinkto(state, hashed, entry, context);
    }
    throw error;
  }
  if (made) healLinktoOwner(state, hashed, reply.stat, context);
  return {
    ...reply,
    stat: withoutMigrationBits(reply.stat),
    preparent: asDirectory(reply.preparent),
    postparent: asDirectory(reply.postparent),
  };
}

/**
 * @returns whether the linkto file is ours to remove should the link fail.
 * @throws GlfsError EEXIST where the name is taken.
 */
async function pointer(
  state: DistributeState,
  { loc, newLoc }: Request<'link'>,
  hashed: Subvolume,
  cached: Subvolume,
  context: CallContext,
): Promise<boolean> {
  const entry = { parent: newLoc.parent!, name: newLoc.name! };
  const plan = { on: hashed, target: cached, entry, gfid: loc.inode.gfid };
  const linkto = await makeLinkto(state, plan, context);
  if (!linkto.existed) return true;
  // Of the same file: left behind by a link that was cut short, or another client's, just being made.
  if (linkto.isLinkto && gfidEquals(linkto.stat.gfid, loc.inode.gfid)) return false;
  throw new GlfsError('EEXIST', undefined, { translator: state.name });
}

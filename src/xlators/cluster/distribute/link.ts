import { GlfsError, isGlfsError } from '../../../errors.ts';
import type { CallContext, Reply, Request, Subvolume } from '../../../graph/index.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import { transaction } from '../wind.ts';
import { type Entry, healLinktoOwner, makeLinkto, removeStaleLinkto } from './linkfile.ts';
import { withNamespace } from './locks.ts';
import { asDirectory, withoutMigrationBits } from './merge.ts';
import { mutateFile } from './mutation.ts';
import type { DistributeState } from './state.ts';

/**
 * A further name for a file: on the subvolume that has the data, with a linkto file where the new name hashes to. While the
 * file is being copied to another subvolume, the copy gets the name too.
 */
export async function link(
  state: DistributeState,
  request: Request<'link'>,
  context: CallContext,
): Promise<Reply<'link'>> {
  const { parent, name } = request.newLoc;
  if (parent === undefined || name === undefined) {
    throw new GlfsError('EINVAL', 'link needs a parent and a name');
  }
  const entry = { parent, name };
  const reply = await transaction(context, (own) =>
    state.names.run([entry], () => addName(state, request, entry, own)),
  );
  return {
    ...reply,
    stat: withoutMigrationBits(reply.stat),
    preparent: asDirectory(reply.preparent),
    postparent: asDirectory(reply.postparent),
  };
}

async function addName(
  state: DistributeState,
  request: Request<'link'>,
  entry: Entry,
  context: CallContext,
): Promise<Reply<'link'>> {
  const cached = await state.cachedChild(request.loc, context);
  const hashed = await state.hashedChild(entry.parent, entry.name, context);
  if (hashed === cached) return linkData(state, request, hashed, context);
  // Locked, so that nobody takes the linkto file for one that leads nowhere before the link is made.
  return withNamespace(state, { hashed, ...entry }, context, async () => {
    state.names.displace(entry);
    const made = await pointer(state, request, hashed, cached, context);
    try {
      const reply = await linkData(state, request, hashed, context);
      if (made) healLinktoOwner(state, hashed, reply.stat, context);
      return reply;
    } catch (error) {
      if (made && isGlfsError(error) && error.outcome === 'failed') {
        await removeStaleLinkto(state, hashed, entry, context);
      }
      throw error;
    }
  });
}

function linkData(
  state: DistributeState,
  request: Request<'link'>,
  hashed: Subvolume,
  context: CallContext,
): Promise<Reply<'link'>> {
  return mutateFile(state, { inode: request.loc.inode }, context, {
    call: (child, own) => child.link(request, own),
    statOf: ({ stat }) => stat,
    mirror: async (destination, root) => {
      // The linkto file made for the new name is a link to the copy already.
      if (destination === hashed) return undefined;
      return (await destination.link(request, root)).stat;
    },
  });
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

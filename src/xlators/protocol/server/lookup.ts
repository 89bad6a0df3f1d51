import { GlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Request } from '../../../graph/index.ts';
import { gfidEquals, isNullGfid } from '../../../protocol/gfid.ts';
import type { BrickExport } from './export.ts';
import { isAbsence, isDots } from './resolve.ts';

/**
 * LOOKUP, and what it teaches: the inode that a name was last seen to lead to is tried first, since translators know of its
 * locks and the like; where the name leads elsewhere by now, the lookup is made again for the file that it was.
 */
export async function lookUp(
  brick: BrickExport,
  request: Request<'lookup'>,
  context: CallContext,
): Promise<Reply<'lookup'>> {
  const { table, subvolume } = brick;
  const { loc } = request;
  const { parent, name } = loc;
  try {
    const reply = await subvolume.lookup(request, context);
    if (!loc.inode.known || gfidEquals(loc.inode.gfid, reply.stat.gfid)) {
      learn(brick, request, reply);
      return reply;
    }
  } catch (error) {
    if (!loc.inode.known) throw error;
    if (parent === undefined || name === undefined) {
      if (!isAbsence(error)) throw error;
      table.forget(loc.inode);
      // What is ESTALE everywhere else is ENOENT for LOOKUP, as real bricks have it.
      throw new GlfsError('ENOENT', undefined, { cause: error });
    }
    table.unlinkEntry(parent, name);
    if (isAbsence(error)) throw error;
  }
  if (parent === undefined || name === undefined) throw new GlfsError('ESTALE');
  table.unlinkEntry(parent, name);
  const again = { ...request, loc: { ...loc, inode: new Inode() } };
  const reply = await subvolume.lookup(again, context);
  learn(brick, again, reply);
  return reply;
}

function learn({ table }: BrickExport, { loc }: Request<'lookup'>, { stat }: Reply<'lookup'>): void {
  // Healers ask for files that have no gfid yet.
  if (isNullGfid(stat.gfid)) return;
  if (loc.parent !== undefined && loc.name !== undefined && !isDots(loc.name))
    table.linkEntry(loc.parent, loc.name, loc.inode, stat);
  else table.link(loc.inode, stat);
}

import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Reply } from '../../../../graph/index.ts';
import type { Dict } from '../../../../protocol/dict.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import type { Place } from '../../../../syscalls.ts';
import type { PosixBrick, PosixFop } from '../brick.ts';
import { stampTimes } from '../times.ts';
import { checkAttribute, checkKind, GFID2PATH, identity } from './names.ts';
import { statsInXdata } from './replies.ts';

function refuseIdentity(names: Iterable<string>): void {
  for (const name of names)
    if (identity.has(name)) throw new GlfsError('EPERM', `${name} makes the file what it is`);
}

function remove(
  brick: PosixBrick,
  place: Place,
  gfid: Gfid,
  { name, xdata }: { readonly name: string; readonly xdata?: Dict },
  context: CallContext,
): Reply<'removexattr'> {
  if (name.startsWith(GFID2PATH)) throw new GlfsError('ENODATA');
  const before = brick.iatt(place, gfid);
  refuseIdentity([name]);
  if (name === '' && xdata !== undefined) {
    // Without a name all that xdata names goes; removing one may have taken another along.
    refuseIdentity(xdata.names());
    for (const each of xdata.names())
      if (brick.store.get(place, each) !== undefined) brick.store.remove(place, each);
  } else {
    checkAttribute(brick, name);
    checkKind(brick, place, name);
    brick.store.remove(place, name);
  }
  stampTimes(brick, place, context);
  return { xdata: statsInXdata(before, brick.iatt(place, gfid)) };
}

export const removexattr: PosixFop<'removexattr'> = async (brick, request, context) =>
  remove(brick, brick.placeOf(request.loc), request.loc.inode.gfid, request, context);

export const fremovexattr: PosixFop<'fremovexattr'> = (brick, request, context) =>
  brick.withDescriptor(request.fd, async (descriptor) =>
    remove(brick, descriptor, request.fd.inode.gfid, request, context),
  );

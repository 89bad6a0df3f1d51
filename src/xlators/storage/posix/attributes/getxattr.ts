import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Reply } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { emptyIatt } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import type { Place } from '../../../../syscalls.ts';
import type { PosixBrick, PosixFop } from '../brick.ts';
import { lookupXdata } from './lookup-xdata.ts';
import { checkAttribute, identity, isHidden } from './names.ts';
import { virtualAttribute } from './virtual.ts';

function answer(
  brick: PosixBrick,
  place: Place,
  dict: Dict,
  xdata: Dict | undefined,
  context: CallContext,
): Reply<'getxattr'> {
  // To ask for it by name is no error, and the answer is empty.
  for (const name of identity) dict.delete(name);
  const reply = { dict, prestat: emptyIatt(), poststat: emptyIatt() };
  return xdata === undefined
    ? reply
    : { ...reply, xdata: lookupXdata(brick, place, emptyIatt(), xdata, context) };
}

function stored(brick: PosixBrick, place: Place, name: string): Dict {
  checkAttribute(brick, name);
  const value = brick.store.get(place, name);
  if (value === undefined) throw new GlfsError('ENODATA', `there is no attribute ${name}`);
  return new Dict().setBytes(name, value);
}

function all(brick: PosixBrick, place: Place, hidden: (name: string) => boolean): Dict {
  const dict = new Dict();
  for (const name of brick.store.list(place)) {
    const value = hidden(name) ? undefined : brick.store.get(place, name);
    if (value !== undefined) dict.setBytes(name, value);
  }
  return dict;
}

export const getxattr: PosixFop<'getxattr'> = async (brick, { loc, name, xdata }, context) => {
  const path = brick.placeOf(loc);
  const hidden = (each: string): boolean => isHidden(each, context.pid);
  if (name === '') return answer(brick, path, all(brick, path, hidden), xdata, context);
  if (hidden(name)) throw new GlfsError('ENODATA', `there is no attribute ${name}`);
  const virtual = virtualAttribute(brick, path, loc.inode, name);
  const dict = virtual === undefined ? stored(brick, path, name) : new Dict([[name, virtual]]);
  return answer(brick, path, dict, xdata, context);
};

/** By fd nothing is hidden, and of the virtual attributes two are known only. */
export const fgetxattr: PosixFop<'fgetxattr'> = (brick, { fd, name, xdata }, context) =>
  brick.withDescriptor(fd, async (descriptor) => {
    if (name === '')
      return answer(
        brick,
        descriptor,
        all(brick, descriptor, () => false),
        xdata,
        context,
      );
    if (name === keys.openFdCount.name)
      return answer(brick, descriptor, new Dict([[name, { type: 'uint', value: 1n }]]), xdata, context);
    if (name.startsWith('glusterfs.get_real_filename:')) {
      const found = virtualAttribute(brick, brick.pathOf(fd.inode.gfid), fd.inode, name)!;
      return answer(brick, descriptor, new Dict([[name, found]]), xdata, context);
    }
    return answer(brick, descriptor, stored(brick, descriptor, name), xdata, context);
  });

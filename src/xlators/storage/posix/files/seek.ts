import { GlfsError } from '../../../../errors.ts';
import { SeekWhat } from '../../../../protocol/messages.ts';
import type { PosixFop } from '../brick.ts';

/** lseek(2)'s SEEK_DATA and SEEK_HOLE, by what the wire asks for. */
const whences: ReadonlyMap<number, number> = new Map([
  [SeekWhat.DATA, 3],
  [SeekWhat.HOLE, 4],
]);

export const seek: PosixFop<'seek'> = (brick, { fd, offset, what }) => {
  const whence = whences.get(what);
  if (whence === undefined) throw new GlfsError('EOPNOTSUPP', `nothing to seek by ${what}`);
  return brick.withDescriptor(fd, async (descriptor) => ({
    offset: brick.host.seek(descriptor, offset, whence),
  }));
};

import { closeSync } from 'node:fs';
import { GlfsError } from '../../../../errors.ts';
import type { Fd } from '../../../../graph/index.ts';
import { typeOfMode } from '../../../../protocol/iatt.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { lookAt } from '../handles.ts';
import { stampTimes } from '../times.ts';
import type { EntryFop } from './entry-fop.ts';
import { giveIdentity } from './identity.ts';
import { made, makeFile, type NewEntry, newEntry, permissions } from './new-entry.ts';
import { passingParentCheck } from './parent.ts';

const MAKES = OpenFlag.CREAT | OpenFlag.EXCL;

export const create: EntryFop<'create'> = async (brick, request, context) => {
  const entry = newEntry(brick, request, context);
  const flags = request.flags === 0 ? OpenFlag.RDWR | OpenFlag.EXCL : request.flags;
  if (lookAt(entry.path) !== undefined) {
    if ((flags & OpenFlag.EXCL) !== 0) throw new GlfsError('EEXIST');
    openExisting(brick, entry, request.fd, flags);
    return made(brick, entry);
  }
  entry.xdata = passingParentCheck(brick, entry.parent, entry.xdata);
  const mode = permissions(request.mode, request.umask, entry.xdata);
  let descriptor: number | undefined;
  try {
    makeFile(brick, entry, mode, (path) => {
      descriptor = brick.openFile(path, flags | MAKES);
      brick.store.forget(descriptor);
    });
    const reply = made(brick, entry);
    brick.keep(request.fd, entry.gfid, descriptor!);
    return reply;
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw error;
  }
};

/** Without O_EXCL a file that is there is opened, whatever gfid the caller had in mind. */
function openExisting(brick: BrickDirectory, entry: NewEntry, fd: Fd, flags: number): void {
  const type = typeOfMode(Number(brick.store.stat(entry.path).mode));
  if (type === 'directory') throw new GlfsError('EISDIR');
  if (type === 'symlink') throw new GlfsError('ELOOP');
  if (type !== 'file') throw new GlfsError('EINVAL', `a ${type} can't be opened`);
  const gfid = giveIdentity(brick, entry.path, entry.parent.gfid, entry.name, entry.gfid)!;
  const descriptor = brick.openFile(entry.path, flags & ~MAKES);
  brick.keep(fd, gfid, descriptor);
  stampTimes(brick, entry.path, entry.context);
}

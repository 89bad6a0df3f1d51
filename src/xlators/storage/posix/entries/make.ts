import { closeSync, linkSync, symlinkSync } from 'node:fs';
import { GlfsError } from '../../../../errors.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import { encodeText } from '../../../../xdr/index.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { withNameNoted } from '../gfid2path.ts';
import { lookAt } from '../handles.ts';
import { stampTimes } from '../times.ts';
import type { EntryFop } from './entry-fop.ts';
import { setInitialAttributes } from './initial-attributes.ts';
import { entryKeys } from './keys.ts';
import { removeLinktoFile } from './linkto.ts';
import { made, makeDirectory, makeFile, type NewEntry, newEntry, permissions } from './new-entry.ts';
import { passingParentCheck } from './parent.ts';

const S_ISGID = 0o2000;
/** mkdir(2) takes no setuid, and setgid from the parent alone. */
const DIRECTORY_BITS = 0o1777;

export const mkdir: EntryFop<'mkdir'> = async (brick, request, context) => {
  const entry = newEntry(brick, request, context);
  if (lookAt(entry.path) !== undefined) throw new GlfsError('EEXIST');
  entry.xdata = passingParentCheck(brick, entry.parent, entry.xdata);
  const mode = permissions(request.mode, request.umask, entry.xdata) & DIRECTORY_BITS;
  makeDirectory(brick, entry, mode | (entry.inherits ? S_ISGID : 0));
  return made(brick, entry);
};

export const symlink: EntryFop<'symlink'> = async (brick, request, context) => {
  const entry = newEntry(brick, request, context);
  const target = Buffer.from(encodeText(request.target));
  if (target.includes(0)) throw new GlfsError('EINVAL', 'a NUL in the target of a symbolic link');
  makeFile(brick, entry, undefined, (path) => {
    symlinkSync(target, path);
    brick.store.forget(path);
  });
  return made(brick, entry);
};

export const mknod: EntryFop<'mknod'> = async (brick, request, context) => {
  const entry = newEntry(brick, request, context);
  if (request.xdata?.has(entryKeys.forceReplace) === true) removeLinktoFile(brick, entry.path);
  if (request.xdata?.has(keys.internalFop) === true && linkExisting(brick, entry)) return made(brick, entry);
  const kind = request.mode & S_IFMT || S_IFREG;
  if (kind === S_IFDIR) throw new GlfsError('EPERM', 'directories are not made by mknod');
  const mode = permissions(request.mode, request.umask, entry.xdata);
  makeFile(brick, entry, mode, (path) => {
    if (kind !== S_IFREG) return brick.store.mknod(path, kind | mode, request.dev);
    closeSync(brick.openFile(path, OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.EXCL));
    brick.store.forget(path);
  });
  return made(brick, entry);
};

/**
 * Internal callers make a name for a gfid that may be there already: distribute's linkto file of a file with several names is
 * one file with several names, too.
 */
function linkExisting(brick: BrickDirectory, entry: NewEntry): boolean {
  const handle = brick.handles.handleOf(entry.gfid);
  const stat = lookAt(handle);
  if (stat === undefined || (stat.isSymbolicLink() && stat.nlink === 1n)) return false;
  setInitialAttributes(brick, handle, entry.xdata);
  withNameNoted(brick, handle, entry.parent.gfid, entry.name, () => linkSync(handle, entry.path));
  stampTimes(brick, entry.path, entry.context);
  return true;
}

import { GlfsError, isGlfsError } from '../errors.ts';
import { Fd, Inode, type Loc } from '../graph/index.ts';
import { OpenFlag } from '../protocol/messages.ts';
import { truncate } from './attributes.ts';
import type { Call } from './calls.ts';
import { gfidRequest, lookupIfAny, made, permissions } from './entries.ts';
import { linkTarget } from './link-targets.ts';
import { OpenFile } from './open-file.ts';
import { allowsWriting } from './open-flags.ts';
import { atPathFrom, fresh, MAX_LINKS, type Place, placeOf } from './paths.ts';
import type { Step } from './scope.ts';
import type { Path } from './types.ts';

const { CREAT, EXCL, TRUNC, NOFOLLOW, DIRECTORY } = OpenFlag;

/** What an open fd keeps of its flags: the others speak of the moment of opening. */
const LASTING = ~(CREAT | EXCL | TRUNC | NOFOLLOW | DIRECTORY);

/** How often a name may come and go between LOOKUP and CREATE. */
const RACES = 10;

/** open(2) on a path, relative ones from `start`. `wire` are flags as they travel. */
export async function openPath(
  call: Call,
  path: Path,
  wire: number,
  mode: number,
  start = call.scope.start,
): Promise<OpenFile> {
  if ((wire & CREAT) !== 0) return fresh((trusting) => openOrCreate(call, path, wire, mode, trusting, start));
  const follow = (wire & NOFOLLOW) === 0;
  return atPathFrom(call, start, path, follow, ({ loc }) => openInode(call, loc, wire));
}

/** OPEN of a file that was looked up. @throws GlfsError EISDIR, ELOOP for a link, EINVAL for what has no contents. */
export async function openInode(call: Call, loc: Loc, wire: number): Promise<OpenFile> {
  const { inode } = loc;
  if (inode.type === 'directory') throw new GlfsError('EISDIR');
  if ((wire & DIRECTORY) !== 0) throw new GlfsError('ENOTDIR');
  if (inode.type === 'symlink') throw new GlfsError('ELOOP');
  if (inode.type !== 'file') throw new GlfsError('EINVAL', `a ${inode.type} has no contents in the volume`);
  const flags = wire & LASTING;
  const fd = new Fd(inode, flags);
  await call.fop('open', { loc, fd, flags });
  const file = new OpenFile(call.scope, fd);
  if ((wire & TRUNC) !== 0) await orClose(call, file, () => empty(call, loc, fd));
  return file;
}

/** By its own call, because replicas and fragments have to shrink as one. */
async function empty(call: Call, loc: Loc, fd: Fd): Promise<void> {
  await truncate(call, allowsWriting(fd.flags) ? { fd } : { loc }, 0);
}

async function openOrCreate(
  call: Call,
  path: Path,
  wire: number,
  mode: number,
  trusting: boolean,
  start: Step,
): Promise<OpenFile> {
  let place = await placeOf(call, path, 'EISDIR', trusting, start);
  let races = 0;
  for (let links = 0; links <= MAX_LINKS; ) {
    if (place.trailing) throw new GlfsError('EISDIR');
    const { parent, name, step } = place;
    const inode = await lookupIfAny(call, parent, name);
    if (inode === undefined) {
      const file = await create(call, place, wire, mode, ++races);
      if (file !== undefined) return file;
      continue;
    }
    if ((wire & EXCL) !== 0) throw new GlfsError('EEXIST');
    if (inode.type !== 'symlink' || (wire & NOFOLLOW) !== 0)
      return openInode(call, { inode, parent, name, path: call.path }, wire);
    place = await placeOf(call, await linkTarget(call, inode), 'EISDIR', trusting, step);
    links++;
  }
  throw new GlfsError('ELOOP');
}

/**
 * CREATE, always exclusive, so that the gfid that we chose is the file's. Undefined where somebody else was faster and the
 * caller doesn't mind.
 */
async function create(
  call: Call,
  { parent, name }: Place,
  wire: number,
  mode: number,
  races: number,
): Promise<OpenFile | undefined> {
  const inode = new Inode();
  const fd = new Fd(inode, wire & LASTING);
  try {
    const { stat } = await call.fop('create', {
      loc: { inode, parent, name, path: call.path },
      fd,
      flags: (wire & LASTING) | CREAT | EXCL,
      mode: permissions(mode),
      umask: call.scope.identity.umask,
      xdata: gfidRequest(),
    });
    made(call, parent, name, inode, stat);
    return new OpenFile(call.scope, fd);
  } catch (error) {
    const raced = isGlfsError(error, 'EEXIST') && (wire & EXCL) === 0 && races < RACES;
    if (!raced) throw error;
    return undefined;
  }
}

/** Opens a directory. @throws GlfsError ENOTDIR */
export async function openDirectory(call: Call, loc: Loc): Promise<OpenFile> {
  if (loc.inode.type !== 'directory') throw new GlfsError('ENOTDIR');
  const fd = new Fd(loc.inode, OpenFlag.RDONLY | OpenFlag.DIRECTORY);
  await call.fop('opendir', { loc, fd });
  return new OpenFile(call.scope, fd);
}

async function orClose(call: Call, file: OpenFile, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await file.leave(call.context, false);
    throw error;
  }
}

/** For a caller who no longer waits: what was opened is closed again. */
export async function unlessEnded<T extends { close(): Promise<void> }>(call: Call, opened: T): Promise<T> {
  if (call.ended) await opened.close();
  return opened;
}

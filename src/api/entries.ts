import { GlfsError, isGlfsError } from '../errors.ts';
import { Inode } from '../graph/index.ts';
import { Dict } from '../protocol/dict.ts';
import { newGfid } from '../protocol/gfid.ts';
import { type Iatt, S_IFBLK, S_IFCHR, S_IFIFO, S_IFREG, S_IFSOCK } from '../protocol/iatt.ts';
import { keys } from '../protocol/keys.ts';
import type { Call } from './calls.ts';
import { nameOf } from './names.ts';
import { lookupChild } from './paths.ts';
import type { Step } from './scope.ts';
import { makedev } from './stats.ts';
import type { MknodOptions, Path } from './types.ts';

/*
 * Calls on one entry of a directory that is at hand: what Volume does at the end of a path, and Handle at a handle. Each
 * looks the entry up first, as every client of GlusterFS does: cluster translators rely on having seen the lookup, which
 * finds files where their hash does not say, and mends directories.
 */

/** A file that has just been made. */
export interface Made {
  readonly inode: Inode;
  readonly stat: Iatt;
}

export async function mkdir(call: Call, parent: Inode, name: string, mode = 0o777): Promise<Made> {
  await requireAbsent(call, parent, name);
  const inode = new Inode();
  const { stat } = await call.fop('mkdir', {
    loc: { inode, parent, name, path: call.path },
    mode: permissions(mode),
    umask: call.scope.identity.umask,
    xdata: gfidRequest(),
  });
  return made(call, parent, name, inode, stat);
}

export async function mknod(
  call: Call,
  parent: Inode,
  name: string,
  options: MknodOptions = {},
): Promise<Made> {
  const { type = 'file', mode = 0o666, major = 0, minor = 0 } = options;
  const bits = typeBits[type];
  if (bits === undefined) throw new GlfsError('EINVAL', `mknod makes no ${String(type)}`);
  await requireAbsent(call, parent, name);
  const inode = new Inode();
  const { stat } = await call.fop('mknod', {
    loc: { inode, parent, name, path: call.path },
    dev: makedev(major, minor),
    mode: bits | permissions(mode),
    umask: call.scope.identity.umask,
    xdata: gfidRequest(),
  });
  return made(call, parent, name, inode, stat);
}

export async function symlink(call: Call, parent: Inode, name: string, target: Path): Promise<Made> {
  const text = nameOf(target);
  if (text === '') throw new GlfsError('ENOENT', 'the target is empty');
  await requireAbsent(call, parent, name);
  const inode = new Inode();
  const { stat } = await call.fop('symlink', {
    loc: { inode, parent, name, path: call.path },
    umask: call.scope.identity.umask,
    target: text,
    xdata: gfidRequest(),
  });
  return made(call, parent, name, inode, stat);
}

export async function link(call: Call, existing: Inode, parent: Inode, name: string): Promise<Made> {
  if (existing.type === 'directory') throw new GlfsError('EPERM', 'a directory has one name only');
  await requireAbsent(call, parent, name);
  const { stat } = await call.fop('link', {
    loc: { inode: existing, path: call.path },
    newLoc: { inode: existing, parent, name },
  });
  return made(call, parent, name, existing, stat);
}

/** @throws GlfsError EISDIR for a directory, ENOTDIR where the path said that it is one. */
export async function unlink(call: Call, parent: Inode, name: string, trailing = false): Promise<void> {
  const { inode } = await lookupChild(call, parent, name);
  if (inode.type === 'directory') throw new GlfsError('EISDIR');
  if (trailing) throw new GlfsError('ENOTDIR');
  await call.fop('unlink', { loc: { inode, parent, name, path: call.path }, xflags: 0 });
  call.scope.mount.inodes.unlinkEntry(parent, name);
}

/** @throws GlfsError ENOTDIR, ENOTEMPTY */
export async function rmdir(call: Call, parent: Inode, name: string): Promise<void> {
  const { inode } = await lookupChild(call, parent, name);
  if (inode.type !== 'directory') throw new GlfsError('ENOTDIR');
  await call.fop('rmdir', { loc: { inode, parent, name, path: call.path }, xflags: 0 });
  call.scope.mount.inodes.forget(inode);
  call.scope.mount.inodes.unlinkEntry(parent, name);
}

/** One side of a rename. */
export interface Entry {
  readonly parent: Inode;
  readonly name: string;
  /** The path ended in `/`: only a directory will do. */
  readonly trailing?: boolean;
  /** The way to the parent. */
  readonly step?: Step;
}

/** @throws GlfsError EISDIR, ENOTDIR, ENOTEMPTY, EINVAL as rename(2) has them. Two names of one file: nothing happens. */
export async function rename(call: Call, from: Entry, to: Entry): Promise<void> {
  const { inodes } = call.scope.mount;
  const { inode } = await lookupChild(call, from.parent, from.name);
  const there = await lookupIfAny(call, to.parent, to.name);
  if (there === inode) return;
  if (inode.type !== 'directory' && (from.trailing || to.trailing)) throw new GlfsError('ENOTDIR');
  if (isOnTheWay(inode, to.step)) throw new GlfsError('EINVAL', 'a directory can not be moved into itself');
  if (there !== undefined) {
    if (isOnTheWay(there, from.step)) throw new GlfsError('ENOTEMPTY');
    if (inode.type === 'directory' && there.type !== 'directory') throw new GlfsError('ENOTDIR');
    if (inode.type !== 'directory' && there.type === 'directory') throw new GlfsError('EISDIR');
  }
  const { stat } = await call.fop('rename', {
    loc: { inode, parent: from.parent, name: from.name, path: call.path },
    newLoc: { inode: there ?? new Inode(), parent: to.parent, name: to.name },
  });
  inodes.renameEntry(from.parent, from.name, to.parent, to.name, inode);
  if (there?.type === 'directory') inodes.forget(there);
  inodes.link(inode, stat);
}

function isOnTheWay(inode: Inode, step: Step | undefined): boolean {
  for (let at = step; at !== undefined; at = at.parent) if (at.inode === inode) return true;
  return false;
}

/** The file of a name, or undefined where there is none. */
export async function lookupIfAny(call: Call, parent: Inode, name: string): Promise<Inode | undefined> {
  try {
    return (await lookupChild(call, parent, name)).inode;
  } catch (error) {
    if (isGlfsError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The file that an entry is of. @throws GlfsError ENOENT; ENOTDIR where the path said that it is a directory. */
export async function lookupExisting(call: Call, { parent, name, trailing }: Entry): Promise<Inode> {
  const { inode } = await lookupChild(call, parent, name);
  if (trailing && inode.type !== 'directory') throw new GlfsError('ENOTDIR');
  return inode;
}

async function requireAbsent(call: Call, parent: Inode, name: string): Promise<void> {
  if ((await lookupIfAny(call, parent, name)) !== undefined) throw new GlfsError('EEXIST');
}

export function made(call: Call, parent: Inode, name: string, inode: Inode, stat: Iatt): Made {
  return { inode: call.scope.mount.inodes.linkEntry(parent, name, inode, stat), stat };
}

/** Whoever makes a file names it: bricks refuse a creation without a gfid. */
export function gfidRequest(): Dict {
  return new Dict().set(keys.gfidRequest, newGfid());
}

/** @throws GlfsError EINVAL */
export function permissions(mode: number): number {
  if (!Number.isInteger(mode) || mode < 0) throw new GlfsError('EINVAL', `not a mode: ${mode}`);
  return mode & 0o7777;
}

const typeBits: Readonly<Record<NonNullable<MknodOptions['type']>, number>> = {
  file: S_IFREG,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
  block: S_IFBLK,
  character: S_IFCHR,
};

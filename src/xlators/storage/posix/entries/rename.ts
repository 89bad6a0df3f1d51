import { renameSync } from 'node:fs';
import { GlfsError } from '../../../../errors.ts';
import type { Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { type Gfid, gfidEquals } from '../../../../protocol/gfid.ts';
import { type Iatt, isDirectory } from '../../../../protocol/iatt.ts';
import { afterwards } from '../aftermath.ts';
import { type BrickDirectory, nameBytes } from '../brick-directory.ts';
import { dropName, withNameNoted } from '../gfid2path.ts';
import { lookAt } from '../handles.ts';
import { stampTimes } from '../times.ts';
import type { EntryFop } from './entry-fop.ts';
import { entryKeys } from './keys.ts';
import { type Parent, parentAfter, parentBefore } from './parent.ts';
import { departing } from './remove-name.ts';

interface End {
  readonly parent: Parent;
  readonly path: Buffer;
  readonly name: Uint8Array;
}

export const rename: EntryFop<'rename'> = async (brick, { loc, newLoc, xdata }, context) => {
  const from: End = {
    path: brick.entryOf(loc),
    parent: parentBefore(brick, loc),
    name: nameBytes(loc.name!),
  };
  const to: End = {
    path: brick.entryOf(newLoc),
    parent: parentBefore(brick, newLoc),
    name: nameBytes(newLoc.name!),
  };
  const gfid = brick.gfidOf(from.path);
  const directory = brick.store.stat(from.path).isDirectory();
  const victim = lookAt(to.path) === undefined ? undefined : brick.iatt(to.path);
  if (victim !== undefined) requireExpected(newLoc.inode, victim);

  // Two names of one file: rename(2) leaves both.
  if (victim === undefined || lookAt(from.path)?.ino !== lookAt(to.path)?.ino) {
    const leaves = victim === undefined ? undefined : leaving(brick, to, victim);
    const move = (): void => {
      if (directory) moveDirectory(brick, from, to, gfid, victim !== undefined);
      else moveFile(brick, from, to);
    };
    if (leaves === undefined) move();
    else leaves(move);
  }

  // Paths are made again: they may have led through the directory that moved.
  stampTimes(brick, brick.entryOf(newLoc), context);
  const postoldparent = parentAfter(brick, from.parent, context);
  const postnewparent = parentAfter(brick, to.parent, context);
  const reply = new Dict();
  if (victim !== undefined && xdata?.has(entryKeys.linkCount)) reply.set(entryKeys.linkCount, victim.nlink);
  if (victim !== undefined && xdata?.has(entryKeys.linkCountWanted))
    reply.set(entryKeys.linkCountReply, victim.nlink);
  return {
    stat: brick.iatt(brick.entryOf(newLoc), gfid),
    preoldparent: from.parent.before,
    postoldparent,
    prenewparent: to.parent.before,
    postnewparent,
    xdata: reply,
  };
};

/**
 * A directory is replaced only by callers who know which one it is.
 * @throws GlfsError EEXIST
 */
function requireExpected(inode: Inode, victim: Iatt): void {
  if (!isDirectory(victim) || !inode.known || gfidEquals(inode.gfid, victim.gfid)) return;
  throw new GlfsError('EEXIST', 'another directory is in the way than the caller knows of');
}

/** Runs a move with what belongs to it for the file that the name led to. */
function leaving(
  brick: BrickDirectory,
  { path, parent, name }: End,
  victim: Iatt,
): (move: () => void) => void {
  if (isDirectory(victim)) {
    const forget = brick.store.forgetLater(path);
    return (move) => {
      move();
      afterwards(brick, forget);
      afterwards(brick, () => brick.handles.unlinkDirectory(victim.gfid, parent.gfid, name));
    };
  }
  const file = departing(brick, path, victim.gfid);
  return (move) => {
    file.leave(move);
    const left = file.links > 1 ? file.handle : undefined;
    if (left !== undefined) afterwards(brick, () => dropName(brick, left, parent.gfid, name));
    file.settle();
  };
}

function moveFile(brick: BrickDirectory, from: End, to: End): void {
  withNameNoted(brick, from.path, to.parent.gfid, to.name, () => renameSync(from.path, to.path));
  afterwards(brick, () => dropName(brick, to.path, from.parent.gfid, from.name));
}

function moveDirectory(
  brick: BrickDirectory,
  from: End,
  to: End,
  gfid: Gfid | undefined,
  replaces: boolean,
): void {
  const link = gfid === undefined ? undefined : brick.handles.relinkDirectory(gfid, to.parent.gfid, to.name);
  try {
    renameSync(from.path, to.path);
  } catch (error) {
    afterwards(brick, () => link?.abandon());
    throw error;
  }
  brick.handles.forgetPaths();
  try {
    link?.commit();
  } catch (error) {
    if (!replaces) {
      renameSync(to.path, from.path);
      throw error;
    }
    // The directory that was in the way can't be brought back. Where this fails, too, the next lookup by name mends the handle.
    afterwards(brick, () => brick.handles.linkDirectory(gfid!, to.parent.gfid, to.name));
  }
}

import { renameSync } from 'node:fs';
import { GlfsError } from '../../../../errors.ts';
import type { Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { type Gfid, gfidEquals } from '../../../../protocol/gfid.ts';
import { type Iatt, isDirectory } from '../../../../protocol/iatt.ts';
import { type BrickDirectory, nameBytes } from '../brick-directory.ts';
import { dropName, noteName } from '../gfid2path.ts';
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
    const settleVictim = victim === undefined ? () => {} : leaving(brick, to, victim);
    if (directory) moveDirectory(brick, from, to, gfid);
    else moveFile(brick, from, to);
    settleVictim();
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

/** What is to be done with the file that the name led to, once it is replaced. */
function leaving(brick: BrickDirectory, { path, parent, name }: End, victim: Iatt): () => void {
  if (isDirectory(victim)) {
    const forget = brick.store.forgetLater(path);
    return () => {
      forget();
      brick.handles.unlinkDirectory(victim.gfid, parent.gfid, name);
    };
  }
  const file = departing(brick, path, victim.gfid);
  return () => {
    if (file.links > 1 && file.handle !== undefined) dropName(brick, file.handle, parent.gfid, name);
    file.settle();
  };
}

function moveFile(brick: BrickDirectory, from: End, to: End): void {
  // The new name is noted first: a crash then leaves one too many, never one too few.
  noteName(brick, from.path, to.parent.gfid, to.name);
  try {
    renameSync(from.path, to.path);
  } catch (error) {
    dropName(brick, from.path, to.parent.gfid, to.name);
    throw error;
  }
  dropName(brick, to.path, from.parent.gfid, from.name);
}

function moveDirectory(brick: BrickDirectory, from: End, to: End, gfid: Gfid | undefined): void {
  renameSync(from.path, to.path);
  brick.handles.forgetPaths();
  if (gfid !== undefined) brick.handles.linkDirectory(gfid, to.parent.gfid, to.name);
}

import { linkSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Loc } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import {
  type Gfid,
  gfidEquals,
  gfidToString,
  isNullGfid,
  newGfid,
  ROOT_GFID,
} from '../../../../protocol/gfid.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { copyBytes } from '../../../../xdr/index.ts';
import { afterwards } from '../aftermath.ts';
import { ACL_ACCESS, ACL_DEFAULT } from '../attributes/names.ts';
import { type BrickDirectory, nameBytes } from '../brick-directory.ts';
import { noteName } from '../gfid2path.ts';
import { GFID_KEY, HIDDEN, joined, lookAt } from '../handles.ts';
import { refuseWhenFull } from '../reserve.ts';
import { stampTimes } from '../times.ts';
import { setInitialAttributes } from './initial-attributes.ts';
import { type Parent, parentAfter, parentBefore } from './parent.ts';

const S_ISGID = 0o2000;

interface Request {
  readonly loc: Loc;
  readonly xdata?: Dict;
}

/** An entry to be made. */
export interface NewEntry {
  readonly context: CallContext;
  readonly parent: Parent;
  readonly name: Uint8Array;
  readonly path: Buffer;
  readonly gfid: Gfid;
  readonly gid: number;
  /** The parent hands on its group. */
  readonly inherits: boolean;
  xdata: Dict;
}

/**
 * What every call that makes an entry begins with.
 * @throws GlfsError EINVAL without a gfid for it, ENOSPC, ESTALE
 */
export function newEntry(brick: BrickDirectory, { loc, xdata }: Request, context: CallContext): NewEntry {
  const gfid = requestedGfid(xdata);
  refuseWhenFull(brick, context, xdata);
  const path = brick.entryOf(loc);
  const parent = parentBefore(brick, loc);
  const inherits = (parent.before.mode & S_ISGID) !== 0;
  return {
    context,
    parent,
    name: nameBytes(loc.name!),
    path,
    gfid,
    gid: inherits ? parent.before.gid : context.gid,
    inherits,
    xdata: xdata ?? new Dict(),
  };
}

function requestedGfid(xdata: Dict | undefined): Gfid {
  const wanted = xdata?.entry(keys.gfidRequest.name);
  const bytes = wanted?.type === 'gfuuid' || wanted?.type === 'bytes' ? wanted.value : undefined;
  if (bytes?.length !== 16 || isNullGfid(bytes))
    throw new GlfsError('EINVAL', `${keys.gfidRequest.name}: the caller chooses the gfid of a new file`);
  return copyBytes(bytes);
}

/** Permissions of a new file. Where the parent's ACL is handed on, that decides, and not the caller's umask. */
export function permissions(mode: number, umask: number, xdata: Dict): number {
  const inheritsAcl = xdata.has(ACL_ACCESS) || xdata.has(ACL_DEFAULT);
  return mode & 0o7777 & (inheritsAcl ? 0o7777 : ~umask);
}

/** @throws GlfsError EEXIST where another file has the gfid. A handle that a crash left behind gives way. */
function requireUnused(brick: BrickDirectory, gfid: Gfid): void {
  if (gfidEquals(gfid, ROOT_GFID)) throw new GlfsError('EEXIST', 'the gfid of the root');
  if (brick.openCount(gfid) > 0 || !brick.handles.dropStale(gfid))
    throw new GlfsError('EEXIST', `another file of the brick has the gfid ${gfidToString(gfid)}`);
}

/**
 * Makes a file that is no directory: as its handle first, where it gets its owner and attributes; its name in the end, in one
 * step. A crash leaves a handle without a name, which is taken for nothing.
 * @param make makes it under the path that it is given, and lets the store forget what it may know of its inode number
 * @param mode `undefined` for a symbolic link
 * @throws EEXIST where there is such a name, or another file with the gfid
 */
export function makeFile<T>(
  brick: BrickDirectory,
  entry: NewEntry,
  mode: number | undefined,
  make: (path: Buffer) => T,
): T {
  const { store, handles } = brick;
  if (lookAt(entry.path) !== undefined) throw new GlfsError('EEXIST');
  requireUnused(brick, entry.gfid);
  const handle = handles.handleOf(entry.gfid);
  try {
    const made = handles.withFolder(entry.gfid, make);
    store.together(() => {
      dress(brick, handle, entry, mode);
      noteName(brick, handle, entry.parent.gfid, entry.name);
    });
    linkSync(handle, entry.path);
    return made;
  } catch (error) {
    afterwards(brick, () => {
      if (lookAt(handle) === undefined) return;
      store.forget(handle);
      unlinkSync(handle);
    });
    throw error;
  }
}

/** Makes a directory, out of sight until it has all that belongs to it. @throws EEXIST as `makeFile` */
export function makeDirectory(brick: BrickDirectory, entry: NewEntry, mode: number): void {
  const { handles, store } = brick;
  if (lookAt(entry.path) !== undefined) throw new GlfsError('EEXIST');
  requireUnused(brick, entry.gfid);
  // Under another name than its gfid's: what a crash leaves there must not be in the way of a second attempt.
  const unseen = joined(brick.root, `${HIDDEN}/landfill/${gfidToString(newGfid())}`);
  mkdirSync(unseen, { mode: 0o700 });
  try {
    store.forget(unseen);
    store.together(() => dress(brick, unseen, entry, mode));
    handles.linkDirectory(entry.gfid, entry.parent.gfid, entry.name);
    renameSync(unseen, entry.path);
  } catch (error) {
    afterwards(brick, () => handles.unlinkDirectory(entry.gfid, entry.parent.gfid, entry.name));
    afterwards(brick, () => {
      store.forget(unseen);
      rmdirSync(unseen);
    });
    throw error;
  }
}

function dress(brick: BrickDirectory, place: Buffer, entry: NewEntry, mode: number | undefined): void {
  const { store } = brick;
  store.own(place, { uid: entry.context.uid, gid: entry.gid, mode });
  setInitialAttributes(brick, place, entry.xdata);
  store.set(place, GFID_KEY, entry.gfid);
  stampTimes(brick, place, entry.context);
}

export interface Made {
  readonly stat: Iatt;
  readonly preparent: Iatt;
  readonly postparent: Iatt;
}

/** The reply, after the entry was made. */
export function made(brick: BrickDirectory, entry: NewEntry): Made {
  const postparent = parentAfter(brick, entry.parent, entry.context);
  return { stat: brick.iatt(entry.path), preparent: entry.parent.before, postparent };
}

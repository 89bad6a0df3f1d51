import { fchownSync, lchownSync } from 'node:fs';
import type { CallContext } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { type Iatt, isSymlink } from '../../../../protocol/iatt.ts';
import { SetattrValid } from '../../../../protocol/messages.ts';
import type { Place } from '../../../../syscalls.ts';
import type { PosixBrick, PosixFop } from '../brick.ts';
import { setTimes, stampTimes, type Time } from '../times.ts';
import { maskAcl } from './acl.ts';
import { lookupXdata } from './lookup-xdata.ts';

const { MODE, UID, GID, ATIME, MTIME, CTIME, ATIME_NOW, MTIME_NOW } = SetattrValid;

/** chown(2)'s -1: the owner, or group, stays. */
const NOBODY_NEW = 0xffff_ffff;

function nanoseconds({ seconds, nanoseconds: rest }: Time): bigint {
  return seconds * 1_000_000_000n + BigInt(rest);
}

function now(): Time {
  const milliseconds = Date.now();
  return { seconds: BigInt(Math.floor(milliseconds / 1000)), nanoseconds: (milliseconds % 1000) * 1_000_000 };
}

/** A time to be set: the caller's, or the host's where a caller says "now" and nothing else. */
function timeOf(valid: number, given: number, current: number, time: Time): Time | undefined {
  if ((valid & given) !== 0) return time;
  return (valid & current) === 0 ? undefined : now();
}

function setOwner(brick: PosixBrick, place: Place, { uid, gid }: Iatt, valid: number): void {
  const given = (flag: number, id: number): boolean => (valid & flag) !== 0 && id !== NOBODY_NEW;
  brick.store.own(place, { ...(given(UID, uid) ? { uid } : {}), ...(given(GID, gid) ? { gid } : {}) });
}

/** Symbolic links have no permissions: to set them is no error, and changes nothing. */
function setMode(brick: PosixBrick, place: Place, before: Iatt, mode: number): void {
  if (isSymlink(before)) return;
  brick.store.own(place, { mode: mode & 0o7777 });
  maskAcl(brick, place, mode);
}

/** The host's ctime alone: what chown(-1, -1) changes. */
function touch(place: Place): void {
  if (typeof place === 'number') fchownSync(place, -1, -1);
  else lchownSync(place as Buffer, -1, -1);
}

function change(
  brick: PosixBrick,
  place: Place,
  gfid: Gfid,
  { stat, valid }: { readonly stat: Iatt; readonly valid: number },
  context: CallContext,
): { prestat: Iatt; poststat: Iatt } {
  const prestat = brick.iatt(place, gfid);
  brick.store.together(() => act(brick, place, prestat, { stat, valid }, context));
  return { prestat, poststat: brick.iatt(place, gfid) };
}

function act(
  brick: PosixBrick,
  place: Place,
  prestat: Iatt,
  { stat, valid }: { readonly stat: Iatt; readonly valid: number },
  context: CallContext,
): void {
  if ((valid & (UID | GID)) !== 0) setOwner(brick, place, stat, valid);
  if ((valid & MODE) !== 0) setMode(brick, place, prestat, stat.mode);
  const atime = timeOf(valid, ATIME, ATIME_NOW, { seconds: stat.atime, nanoseconds: stat.atimeNsec });
  const mtime = timeOf(valid, MTIME, MTIME_NOW, { seconds: stat.mtime, nanoseconds: stat.mtimeNsec });
  if (atime !== undefined || mtime !== undefined)
    brick.host.utimens(place, atime && nanoseconds(atime), mtime && nanoseconds(mtime));
  const ctime = (valid & CTIME) === 0 ? undefined : { seconds: stat.ctime, nanoseconds: stat.ctimeNsec };
  if ((atime ?? mtime ?? ctime) !== undefined) setTimes(brick, place, { atime, mtime, ctime }, context);
  if (valid === 0) touch(place);
  stampTimes(brick, place, context);
}

export const setattr: PosixFop<'setattr'> = async (brick, request, context) => {
  const path = brick.placeOf(request.loc);
  const stats = change(brick, path, request.loc.inode.gfid, request, context);
  const { xdata } = request;
  return xdata === undefined
    ? stats
    : { ...stats, xdata: lookupXdata(brick, path, stats.poststat, xdata, context) };
};

export const fsetattr: PosixFop<'fsetattr'> = (brick, request, context) =>
  brick.withDescriptor(request.fd, async (descriptor) => {
    const stats = change(brick, descriptor, request.fd.inode.gfid, request, context);
    const { xdata } = request;
    return xdata === undefined
      ? stats
      : { ...stats, xdata: lookupXdata(brick, descriptor, stats.poststat, xdata, context) };
  });

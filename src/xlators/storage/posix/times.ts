import { type CallContext, type Stamp, StampFlag } from '../../../graph/index.ts';
import type { Mdata } from '../../../protocol/dict.ts';
import { compareTimes, type Iatt } from '../../../protocol/iatt.ts';
import type { Place } from '../../../syscalls.ts';
import { afterwards } from './aftermath.ts';
import type { PosixBrick } from './brick.ts';
import { decodeMdata, encodeMdata, MDATA_KEY } from './mdata.ts';

/** Which of a file's times a call sets. */
interface Which {
  readonly ctime?: boolean;
  readonly mtime?: boolean;
  readonly atime?: boolean;
}

/** A time that a caller asked for with utimes. */
export interface Time {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

/** The times that clients gave the file; `undefined` where it has none, and where the option ctime is off. */
export function readTimes(brick: PosixBrick, place: Place): Mdata | undefined {
  if (!brick.options.ctime) return undefined;
  const bytes = brick.store.get(place, MDATA_KEY);
  return bytes === undefined ? undefined : decodeMdata(bytes);
}

/** Puts the times that clients gave the file in place of the host's: part of every `iatt`. */
export function showTimes(stat: Iatt, times: Mdata | undefined): Iatt {
  return times === undefined ? stat : Object.assign(stat, times);
}

function store(brick: PosixBrick, place: Place, times: Mdata): void {
  brick.store.set(place, MDATA_KEY, encodeMdata(times));
}

/** Moves forward those times of `held` that are before `time`: calls of several clients arrive in any order. */
function advance(held: Mdata, which: Which, seconds: bigint, nanoseconds: number): void {
  for (const name of ['ctime', 'mtime', 'atime'] as const) {
    if (!which[name] || compareTimes(seconds, nanoseconds, held[name], held[`${name}Nsec`]) <= 0) continue;
    held[name] = seconds;
    held[`${name}Nsec`] = nanoseconds;
  }
}

function allAt(seconds: bigint, nanoseconds: number): Mdata {
  return {
    atime: seconds,
    mtime: seconds,
    ctime: seconds,
    atimeNsec: nanoseconds,
    mtimeNsec: nanoseconds,
    ctimeNsec: nanoseconds,
  };
}

/** What was done has been done: times that can't be kept are no reason to say otherwise. */
function stamp(brick: PosixBrick, place: Place, which: Which, by: Stamp): void {
  if (!brick.options.ctime || !(which.ctime || which.mtime || which.atime)) return;
  afterwards(brick, () => setStamp(brick, place, which, by));
}

function setStamp(brick: PosixBrick, place: Place, which: Which, by: Stamp): void {
  const seconds = BigInt(by.seconds);
  // A file without times gets all three: later stamps then have something to compare with.
  const times = readTimes(brick, place) ?? allAt(seconds, by.nanoseconds);
  advance(times, which, seconds, by.nanoseconds);
  store(brick, place, times);
}

function flagged(flags: number, ctime: number, mtime: number, atime: number): Which {
  return { ctime: (flags & ctime) !== 0, mtime: (flags & mtime) !== 0, atime: (flags & atime) !== 0 };
}

/**
 * Gives the file the times of the call's stamp, those only that the stamp names, and never earlier ones than it has. To be
 * called after the act and before the `iatt` of the reply.
 */
export function stampTimes(brick: PosixBrick, place: Place, context: CallContext): void {
  const by = context.stamp;
  if (by === undefined) return;
  stamp(brick, place, flagged(by.flags, StampFlag.CTIME, StampFlag.MTIME, StampFlag.ATIME), by);
}

/** Of a copy's two files: the target gets what a write stamps, the source the time of a read. */
export function stampCopyTimes(brick: PosixBrick, source: Place, target: Place, context: CallContext): void {
  const by = context.stamp;
  if (by === undefined) return;
  const { ctime, mtime, atime } = flagged(by.flags, StampFlag.CTIME, StampFlag.MTIME, StampFlag.ATIME);
  stamp(brick, target, { ctime, mtime }, by);
  stamp(brick, source, { atime }, by);
}

/** As `stampTimes`, for the directory whose entries the call changed. */
export function stampParentTimes(brick: PosixBrick, place: Place, context: CallContext): void {
  const by = context.stamp;
  if (by === undefined) return;
  const { PARENT_CTIME, PARENT_MTIME, PARENT_ATIME } = StampFlag;
  stamp(brick, place, flagged(by.flags, PARENT_CTIME, PARENT_MTIME, PARENT_ATIME), by);
}

/**
 * Times that a caller asked for by SETATTR: these may go back. A file without times stays without: its attribute comes from
 * calls that change the file, at every brick alike.
 */
export function setTimes(
  brick: PosixBrick,
  place: Place,
  wanted: { readonly atime?: Time; readonly mtime?: Time; readonly ctime?: Time },
  context: CallContext,
): void {
  const times = readTimes(brick, place);
  if (times === undefined) return;
  const { atime, mtime, ctime } = wanted;
  if (atime !== undefined) [times.atime, times.atimeNsec] = [atime.seconds, atime.nanoseconds];
  if (mtime !== undefined) [times.mtime, times.mtimeNsec] = [mtime.seconds, mtime.nanoseconds];
  const by = context.stamp;
  if ((atime ?? mtime) !== undefined && by !== undefined)
    advance(times, { ctime: true }, BigInt(by.seconds), by.nanoseconds);
  if (ctime !== undefined) advance(times, { ctime: true }, ctime.seconds, ctime.nanoseconds);
  store(brick, place, times);
}

/** Times from another copy of the file, or for one that has none yet: of each the newer one stays. */
export function mergeTimes(brick: PosixBrick, place: Place, given: Mdata): void {
  const bytes = brick.store.get(place, MDATA_KEY);
  const times = bytes === undefined ? { ...given } : decodeMdata(bytes);
  advance(times, { ctime: true }, given.ctime, given.ctimeNsec);
  advance(times, { mtime: true }, given.mtime, given.mtimeNsec);
  advance(times, { atime: true }, given.atime, given.atimeNsec);
  store(brick, place, times);
}

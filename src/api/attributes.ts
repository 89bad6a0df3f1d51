import { GlfsError } from '../errors.ts';
import type { Fd, Loc, Reply, Request } from '../graph/index.ts';
import { emptyIatt, type Iatt } from '../protocol/iatt.ts';
import { SetattrValid } from '../protocol/messages.ts';
import type { Call } from './calls.ts';
import type { Found } from './paths.ts';
import { BigIntStats, Stats } from './stats.ts';
import type { AttributeChanges, Change, StatFs, StatOptions, Time } from './types.ts';

/** What a call is about: a file by its place or handle, or an open one. */
export type Target = { readonly loc: Loc } | { readonly fd: Fd };

/** STAT or FSTAT. */
export async function statOf(call: Call, target: Target): Promise<Iatt> {
  const reply = 'fd' in target ? await call.fop('fstat', target) : await call.fop('stat', target);
  return reply.stat;
}

/** The attributes that a path has led to. @throws GlfsError EIO where copies of the file disagree upon them */
export async function attributesOf(call: Call, { loc, stat, doubtful }: Found): Promise<Iatt> {
  return doubtful ? statOf(call, { loc }) : stat;
}

export function toStats(call: Call, iatt: Iatt, options?: StatOptions): Stats | BigIntStats {
  const { device } = call.scope;
  return options?.bigint ? new BigIntStats(iatt, device) : new Stats(iatt, device);
}

/**
 * Sets mode, owner, times (SETATTR) and size (TRUNCATE), in that order of fields but with one SETATTR.
 * @throws GlfsError EINVAL for values out of range.
 */
export async function setAttributes(call: Call, target: Target, changes: AttributeChanges): Promise<Change> {
  const { stat, valid } = encodeChanges(changes);
  let first: Reply<'setattr'> | undefined;
  let last: Reply<'setattr'> | undefined;
  if (changes.size !== undefined) {
    first = await truncate(call, target, changes.size);
    last = first;
  }
  if (valid !== 0 || first === undefined) {
    last =
      'fd' in target
        ? await call.fop('fsetattr', { fd: target.fd, stat, valid })
        : await call.fop('setattr', { loc: target.loc, stat, valid });
    first ??= last;
  }
  return changeOf(call, first!.prestat, last!.poststat);
}

/** TRUNCATE or FTRUNCATE. @throws GlfsError EINVAL for a size that is no safe integer. */
export async function truncate(call: Call, target: Target, size: number): Promise<Reply<'truncate'>> {
  checkSize(size, 'size');
  if ('fd' in target) return call.fop('ftruncate', { fd: target.fd, offset: size });
  return call.fop('truncate', { loc: target.loc, offset: size });
}

export function changeOf(call: Call, before: Iatt, after: Iatt): Change {
  const { device } = call.scope;
  return { before: new Stats(before, device), after: new Stats(after, device) };
}

/** @throws GlfsError EINVAL */
export function checkSize(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new GlfsError('EINVAL', `not a valid ${what}: ${value}`);
}

function encodeChanges(changes: AttributeChanges): Pick<Request<'setattr'>, 'stat' | 'valid'> {
  const stat = emptyIatt();
  let valid = 0;
  if (changes.mode !== undefined) {
    if (!Number.isInteger(changes.mode) || changes.mode < 0)
      throw new GlfsError('EINVAL', `not a mode: ${changes.mode}`);
    stat.mode = changes.mode & 0o7777;
    valid |= SetattrValid.MODE;
  }
  // As chown(2) has it, -1 leaves an id as it is.
  if (changes.uid !== undefined && changes.uid !== -1) {
    stat.uid = idOf(changes.uid);
    valid |= SetattrValid.UID;
  }
  if (changes.gid !== undefined && changes.gid !== -1) {
    stat.gid = idOf(changes.gid);
    valid |= SetattrValid.GID;
  }
  if (changes.atime !== undefined) {
    [stat.atime, stat.atimeNsec] = timeOf(changes.atime);
    valid |= SetattrValid.ATIME;
  }
  if (changes.mtime !== undefined) {
    [stat.mtime, stat.mtimeNsec] = timeOf(changes.mtime);
    valid |= SetattrValid.MTIME;
  }
  return { stat, valid };
}

function idOf(id: number): number {
  if (!Number.isInteger(id) || id < 0 || id >= 0xffff_ffff) throw new GlfsError('EINVAL', `not an id: ${id}`);
  return id;
}

const BILLION = 1_000_000_000n;

/** Seconds and nanoseconds; times before 1970 have negative seconds and positive nanoseconds. */
export function timeOf(time: Time): [bigint, number] {
  const ns = nanosecondsOf(time);
  const seconds = ns / BILLION - (ns % BILLION < 0n ? 1n : 0n);
  return [seconds, Number(ns - seconds * BILLION)];
}

function nanosecondsOf(time: Time): bigint {
  if (typeof time === 'bigint') return time;
  if (time === 'now') return BigInt(Date.now()) * 1_000_000n;
  const milliseconds = time instanceof Date ? time.getTime() : time * 1000;
  if (!Number.isFinite(milliseconds)) throw new GlfsError('EINVAL', `not a time: ${String(time)}`);
  const whole = Math.floor(milliseconds);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((milliseconds - whole) * 1e6));
}

/** ACCESS; `mode` 0 only asks whether the file is there. @throws GlfsError EACCES */
export async function access(call: Call, loc: Loc, mode: number): Promise<void> {
  if (!Number.isInteger(mode) || mode < 0 || mode > 7)
    throw new GlfsError('EINVAL', `not an access mode: ${mode}`);
  if (mode !== 0) await call.fop('access', { loc, mask: mode });
}

/** What statfs(2) says of a FUSE mount. */
const FUSE_SUPER_MAGIC = 0x65735546;

export async function statfs(call: Call, loc: Loc): Promise<StatFs> {
  const { xdata: _, ...reply } = await call.fop('statfs', { loc });
  return { type: FUSE_SUPER_MAGIC, ...reply };
}

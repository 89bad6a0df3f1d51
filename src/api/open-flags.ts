import { constants } from 'node:fs';
import { GlfsError } from '../errors.ts';
import { OpenFlag } from '../protocol/messages.ts';
import type { OpenFlags } from './types.ts';

const { RDONLY, WRONLY, RDWR, ACCMODE, CREAT, EXCL, TRUNC, APPEND, SYNC } = OpenFlag;

/** The flags of node:fs, as Linux's numbers. */
const byName: Readonly<Record<string, number>> = {
  r: RDONLY,
  rs: RDONLY | SYNC,
  sr: RDONLY | SYNC,
  'r+': RDWR,
  'rs+': RDWR | SYNC,
  'sr+': RDWR | SYNC,
  w: WRONLY | CREAT | TRUNC,
  wx: WRONLY | CREAT | TRUNC | EXCL,
  xw: WRONLY | CREAT | TRUNC | EXCL,
  'w+': RDWR | CREAT | TRUNC,
  'wx+': RDWR | CREAT | TRUNC | EXCL,
  'xw+': RDWR | CREAT | TRUNC | EXCL,
  a: WRONLY | CREAT | APPEND,
  ax: WRONLY | CREAT | APPEND | EXCL,
  xa: WRONLY | CREAT | APPEND | EXCL,
  as: WRONLY | CREAT | APPEND | SYNC,
  sa: WRONLY | CREAT | APPEND | SYNC,
  'a+': RDWR | CREAT | APPEND,
  'ax+': RDWR | CREAT | APPEND | EXCL,
  'xa+': RDWR | CREAT | APPEND | EXCL,
  'as+': RDWR | CREAT | APPEND | SYNC,
  'sa+': RDWR | CREAT | APPEND | SYNC,
};

/** Numbers of this host to numbers of the wire: they differ on macOS, and Windows lacks most. */
const hostBits: readonly (readonly [number | undefined, number])[] = [
  [constants.O_CREAT, CREAT],
  [constants.O_EXCL, EXCL],
  [constants.O_TRUNC, TRUNC],
  [constants.O_APPEND, APPEND],
  [constants.O_NONBLOCK, OpenFlag.NONBLOCK],
  [constants.O_SYNC, SYNC],
  [constants.O_DSYNC, SYNC],
  [constants.O_DIRECT, OpenFlag.DIRECT],
  [constants.O_DIRECTORY, OpenFlag.DIRECTORY],
  [constants.O_NOFOLLOW, OpenFlag.NOFOLLOW],
  [constants.O_NOATIME, OpenFlag.NOATIME],
];

/**
 * Open flags as they travel: Linux's numbers.
 * @throws GlfsError EINVAL for a string that node:fs does not know, and for no or two access modes.
 */
export function wireFlags(flags: OpenFlags): number {
  if (typeof flags === 'string') {
    const known = byName[flags];
    if (known === undefined) throw new GlfsError('EINVAL', `not open flags: '${flags}'`);
    return known;
  }
  if (!Number.isInteger(flags) || flags < 0) throw new GlfsError('EINVAL', `not open flags: ${flags}`);
  // Access modes are 0, 1 and 2 on every host.
  const access = flags & ACCMODE;
  if (access === ACCMODE)
    throw new GlfsError('EINVAL', 'open flags for both writing only and reading and writing');
  return hostBits.reduce(
    (wire, [host, bit]) => (host && (flags & host) === host ? wire | bit : wire),
    access,
  );
}

export function allowsWriting(wire: number): boolean {
  return (wire & ACCMODE) !== RDONLY;
}

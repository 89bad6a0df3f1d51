import type { AnyStats } from '../api/types.ts';
import { deviceNumbers, isDevice, octal, typeOf } from './format.ts';
import { baseName, type Location } from './locate.ts';
import type { Shown } from './stat-format.ts';
import { isoTime } from './times.ts';

/** Attributes of a file as `--json` prints them in listings: see docs/cli.md. Times to the millisecond. */
export function fileRecord(location: Location, stats: AnyStats, more: object = {}): object {
  return {
    url: location.url,
    path: location.path,
    name: baseName(location.path) || '/',
    type: typeOf(Number(stats.mode)).name,
    mode: octal(Number(stats.mode)),
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    blocks: Number(stats.blocks),
    gfid: stats.gfid,
    atime: stats.atime.toISOString(),
    mtime: stats.mtime.toISOString(),
    ctime: stats.ctime.toISOString(),
    ...(isDevice(stats) ? { device: deviceNumbers(stats.rdev) } : {}),
    ...more,
  };
}

/** All of a file's attributes. Times to the nanosecond; the inode number as text, since it has 64 bits. */
export function statRecord(location: Location, { stats, target, hasBirthtime }: Shown): object {
  return fileRecord(location, stats, {
    ino: String(stats.ino),
    dev: Number(stats.dev),
    blksize: Number(stats.blksize),
    atime: isoTime(stats.atimeNs),
    mtime: isoTime(stats.mtimeNs),
    ctime: isoTime(stats.ctimeNs),
    birthtime: hasBirthtime ? isoTime(stats.birthtimeNs) : null,
    target,
  });
}

import type { BigIntStats } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import { type Gfid, gfidToInode, isNullGfid } from '../../../protocol/gfid.ts';
import { IATT_FLAGS, type Iatt, S_IFDIR, S_IFMT } from '../../../protocol/iatt.ts';

const NANO = 1_000_000_000n;
/** Inode number of a file without gfid. */
const NO_INODE = 0xffff_ffff_ffff_ffffn;

/** dev_t of glibc (gnu_dev_makedev) as it goes over the wire: major << 32 | minor. */
function wireDevice(device: bigint): bigint {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n);
  return (major << 32n) | minor;
}

/** Seconds are rounded down, also before 1970. */
function split(nanoseconds: bigint): [bigint, number] {
  const rest = ((nanoseconds % NANO) + NANO) % NANO;
  return [(nanoseconds - rest) / NANO, Number(rest)];
}

/**
 * What stat(2) says of a file, as bricks send it. The host's times; the handle below .glusterfs is not counted as a link.
 * @throws GlfsError EOVERFLOW for a file of more than 2^53 bytes
 */
export function toIatt(stat: BigIntStats, gfid: Gfid): Iatt {
  const mode = Number(stat.mode);
  const size = Number(stat.size);
  // No caller could reach what is behind, and a rounded size would have it cut the file.
  if (!Number.isSafeInteger(size)) throw new GlfsError('EOVERFLOW', `a file of ${stat.size} bytes`);
  const handle = (mode & S_IFMT) === S_IFDIR || stat.nlink === 0n ? 0n : 1n;
  const [atime, atimeNsec] = split(stat.atimeNs);
  const [mtime, mtimeNsec] = split(stat.mtimeNs);
  const [ctime, ctimeNsec] = split(stat.ctimeNs);
  return {
    gfid,
    flags: IATT_FLAGS,
    ino: isNullGfid(gfid) ? NO_INODE : gfidToInode(gfid),
    dev: BigInt.asUintN(64, stat.dev),
    rdev: wireDevice(stat.rdev),
    size,
    // Blocks that the file system holds ready behind the end of the file don't count.
    blocks: Math.min(Number(stat.blocks), Math.ceil(size / 512)),
    attributes: 0n,
    attributesMask: 0n,
    atime,
    mtime,
    ctime,
    btime: 0n,
    atimeNsec,
    mtimeNsec,
    ctimeNsec,
    btimeNsec: 0,
    nlink: Number(stat.nlink - handle),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    blksize: Number(stat.blksize),
    mode,
  };
}

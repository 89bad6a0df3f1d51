import { gfidToInode, gfidToString } from '../protocol/gfid.ts';
import {
  type FileType,
  type Iatt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  typeOfMode,
} from '../protocol/iatt.ts';

/** `flags` of an iatt: the server knew the time of birth. */
const HAS_BTIME = 1n << 11n;

/** Questions about the type of a file, as node:fs has them. */
abstract class Typed {
  protected abstract typeBits(): number;

  isFile(): boolean {
    return this.typeBits() === S_IFREG;
  }
  isDirectory(): boolean {
    return this.typeBits() === S_IFDIR;
  }
  isSymbolicLink(): boolean {
    return this.typeBits() === S_IFLNK;
  }
  isFIFO(): boolean {
    return this.typeBits() === S_IFIFO;
  }
  isSocket(): boolean {
    return this.typeBits() === S_IFSOCK;
  }
  isBlockDevice(): boolean {
    return this.typeBits() === S_IFBLK;
  }
  isCharacterDevice(): boolean {
    return this.typeBits() === S_IFCHR;
  }
}

/**
 * Attributes of a file with the fields of node:fs's Stats, and `gfid`. Times in milliseconds and as Date; `size` in bytes,
 * `blocks` in units of 512 bytes. `ino` is rounded to a safe number's precision: use `gfid` or BigIntStats to compare.
 */
export class Stats extends Typed {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
  /** UUID of the file. */
  readonly gfid: string;

  constructor(iatt: Iatt, dev = 0) {
    super();
    this.dev = dev;
    this.ino = Number(gfidToInode(iatt.gfid));
    this.mode = iatt.mode;
    this.nlink = iatt.nlink;
    this.uid = iatt.uid;
    this.gid = iatt.gid;
    this.rdev = Number(deviceNumber(iatt.rdev));
    this.size = iatt.size;
    this.blksize = iatt.blksize;
    this.blocks = iatt.blocks;
    this.atimeMs = milliseconds(iatt.atime, iatt.atimeNsec);
    this.mtimeMs = milliseconds(iatt.mtime, iatt.mtimeNsec);
    this.ctimeMs = milliseconds(iatt.ctime, iatt.ctimeNsec);
    this.birthtimeMs = hasBirthtime(iatt) ? milliseconds(iatt.btime, iatt.btimeNsec) : this.ctimeMs;
    this.gfid = gfidToString(iatt.gfid);
  }

  get atime(): Date {
    return new Date(this.atimeMs);
  }
  get mtime(): Date {
    return new Date(this.mtimeMs);
  }
  get ctime(): Date {
    return new Date(this.ctimeMs);
  }
  /** Where the servers don't tell it, the time of the last change of attributes, as node:fs has it. */
  get birthtime(): Date {
    return new Date(this.birthtimeMs);
  }

  protected override typeBits(): number {
    return this.mode & S_IFMT;
  }
}

/** As Stats, in bigints, with times in nanoseconds as well. */
export class BigIntStats extends Typed {
  readonly dev: bigint;
  /** The last eight bytes of the gfid. */
  readonly ino: bigint;
  readonly mode: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly rdev: bigint;
  readonly size: bigint;
  readonly blksize: bigint;
  readonly blocks: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  readonly gfid: string;

  constructor(iatt: Iatt, dev = 0) {
    super();
    this.dev = BigInt(dev);
    this.ino = gfidToInode(iatt.gfid);
    this.mode = BigInt(iatt.mode);
    this.nlink = BigInt(iatt.nlink);
    this.uid = BigInt(iatt.uid);
    this.gid = BigInt(iatt.gid);
    this.rdev = deviceNumber(iatt.rdev);
    this.size = BigInt(iatt.size);
    this.blksize = BigInt(iatt.blksize);
    this.blocks = BigInt(iatt.blocks);
    this.atimeNs = nanoseconds(iatt.atime, iatt.atimeNsec);
    this.mtimeNs = nanoseconds(iatt.mtime, iatt.mtimeNsec);
    this.ctimeNs = nanoseconds(iatt.ctime, iatt.ctimeNsec);
    this.birthtimeNs = hasBirthtime(iatt) ? nanoseconds(iatt.btime, iatt.btimeNsec) : this.ctimeNs;
    this.gfid = gfidToString(iatt.gfid);
  }

  get atimeMs(): bigint {
    return this.atimeNs / 1_000_000n;
  }
  get mtimeMs(): bigint {
    return this.mtimeNs / 1_000_000n;
  }
  get ctimeMs(): bigint {
    return this.ctimeNs / 1_000_000n;
  }
  get birthtimeMs(): bigint {
    return this.birthtimeNs / 1_000_000n;
  }
  get atime(): Date {
    return new Date(Number(this.atimeMs));
  }
  get mtime(): Date {
    return new Date(Number(this.mtimeMs));
  }
  get ctime(): Date {
    return new Date(Number(this.ctimeMs));
  }
  get birthtime(): Date {
    return new Date(Number(this.birthtimeMs));
  }

  protected override typeBits(): number {
    return Number(this.mode) & S_IFMT;
  }
}

/** `struct statx` in TypeScript's manner: attributes beyond stat, and which of them the servers filled in. */
export interface Statx {
  readonly stats: BigIntStats;
  /** Type of the file in words. */
  readonly type: FileType;
  /** True where `stats.birthtimeNs` is the server's word, and not a stand-in. */
  readonly hasBirthtime: boolean;
  /** Bits of STATX_* that are valid (0x7ff: all of stat; 0x800: the time of birth). */
  readonly mask: bigint;
  /** STATX_ATTR_* bits, and which of them the server supports. */
  readonly attributes: bigint;
  readonly attributesMask: bigint;
}

export function toStatx(iatt: Iatt, dev: number): Statx {
  return {
    stats: new BigIntStats(iatt, dev),
    type: typeOfMode(iatt.mode),
    hasBirthtime: hasBirthtime(iatt),
    mask: 0x7ffn | (hasBirthtime(iatt) ? 0x800n : 0n),
    attributes: iatt.attributes,
    attributesMask: iatt.attributesMask,
  };
}

function hasBirthtime(iatt: Iatt): boolean {
  return (iatt.flags & HAS_BTIME) !== 0n && (iatt.btime !== 0n || iatt.btimeNsec !== 0);
}

/** GlusterFS's 32 bits of major and minor each, as Linux's dev_t. */
function deviceNumber(rdev: bigint): bigint {
  return makedev(Number(rdev >> 32n), Number(rdev & 0xffff_ffffn));
}

/** Linux's dev_t, which bricks hand to mknod(2): 12 + 20 bits of major, 8 + 12 bits of minor, interleaved. */
export function makedev(major: number, minor: number): bigint {
  const high = BigInt(major >>> 0);
  const low = BigInt(minor >>> 0);
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}

function milliseconds(seconds: bigint, nanosecondsPart: number): number {
  return Number(seconds) * 1000 + nanosecondsPart / 1e6;
}

function nanoseconds(seconds: bigint, nanosecondsPart: number): bigint {
  return seconds * 1_000_000_000n + BigInt(nanosecondsPart);
}

/** `st_dev` of a volume: the same for the same name (FNV-1a, 32 bits), so that files of two volumes differ. */
export function deviceOf(volume: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(volume)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

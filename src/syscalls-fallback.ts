import fs from 'node:fs';
import { promisify } from 'node:util';
import { descriptions, type ErrnoCode, errnoByCode } from './errno.ts';
import type { Place, RawEntry, Syscalls } from './syscalls.ts';

/*
 * What can be had of the system calls without the addon. Differences from the kernel's, for whoever relies on them:
 * - extended attributes, mknod and linkDescriptor are not to be had: ENOTSUP;
 * - space is not reserved, holes are not punched but filled with zeros, and `seek` finds data everywhere;
 * - times are kept to about a microsecond, and a time that is left as it is gets written again;
 * - listings need /proc, and read the whole directory for each page.
 */

const PIECE = 1 << 20;

const write = promisify(fs.write);
const read = promisify(fs.read);

/** An error shaped as Node's system errors. Node calls errno 95 ENOTSUP. */
function systemError(code: ErrnoCode | 'ENOTSUP', syscall: string): Error {
  const known = code === 'ENOTSUP' ? 'EOPNOTSUPP' : code;
  return Object.assign(new Error(`${code}: ${descriptions[known] ?? code}, ${syscall}`), {
    errno: -errnoByCode[known],
    code,
    syscall,
  });
}

function unsupported(syscall: string): () => never {
  return () => {
    throw systemError('ENOTSUP', syscall);
  };
}

/** Path for node:fs; refuses a NUL as the addon does, and not as a mistake in the arguments. */
function pathOf(place: Uint8Array, syscall: string): Buffer {
  if (place.includes(0)) throw systemError('EINVAL', syscall);
  return Buffer.from(place.buffer, place.byteOffset, place.byteLength);
}

/* --- space --- */

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const ZERO_RANGE = 16;

async function writeAll(descriptor: number, data: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await write(descriptor, data, done, data.length - done, position + done);
    if (bytesWritten === 0) throw systemError('ENOSPC', 'write');
    done += bytesWritten;
  }
}

async function writeZeros(descriptor: number, from: number, to: number): Promise<void> {
  const zeros = new Uint8Array(Math.max(0, Math.min(PIECE, to - from)));
  for (let at = from; at < to; at += PIECE)
    await writeAll(descriptor, zeros.subarray(0, Math.min(PIECE, to - at)), at);
}

async function fallocate(descriptor: number, mode: number, offset: number, length: number): Promise<void> {
  const end = offset + length;
  if (offset < 0 || length <= 0) throw systemError('EINVAL', 'fallocate');
  if (![0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE].includes(mode))
    throw systemError('ENOTSUP', 'fallocate');
  // EBADF where the descriptor isn't open for writing.
  await write(descriptor, new Uint8Array(0), 0, 0, 0);
  const { size } = fs.fstatSync(descriptor);
  if ((mode & KEEP_SIZE) === 0 && end > size) fs.ftruncateSync(descriptor, end);
  if ((mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0) await writeZeros(descriptor, offset, Math.min(end, size));
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

function seek(descriptor: number, offset: number, whence: number): number {
  const { size } = fs.fstatSync(descriptor);
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) throw systemError('EINVAL', 'lseek');
  if (offset < 0 || offset >= size) throw systemError('ENXIO', 'lseek');
  return whence === SEEK_DATA ? offset : size;
}

async function copyFileRange(
  source: number,
  sourceOffset: number,
  target: number,
  targetOffset: number,
  length: number,
): Promise<number> {
  const from = fs.fstatSync(source, { bigint: true });
  const to = fs.fstatSync(target, { bigint: true });
  if (from.isDirectory() || to.isDirectory()) throw systemError('EISDIR', 'copy_file_range');
  const overlaps = Math.abs(sourceOffset - targetOffset) < length;
  if (overlaps && from.dev === to.dev && from.ino === to.ino) throw systemError('EINVAL', 'copy_file_range');
  if (sourceOffset < 0 || targetOffset < 0 || length < 0) throw systemError('EINVAL', 'copy_file_range');
  const buffer = new Uint8Array(Math.min(PIECE, length));
  let done = 0;
  while (done < length) {
    const { bytesRead } = await read(
      source,
      buffer,
      0,
      Math.min(buffer.length, length - done),
      sourceOffset + done,
    );
    if (bytesRead === 0) break;
    try {
      await writeAll(target, buffer.subarray(0, bytesRead), targetOffset + done);
    } catch (error) {
      // What has been copied counts; the next call meets the error at its start.
      if (done > 0) return done;
      throw error;
    }
    done += bytesRead;
  }
  return done;
}

/* --- directories --- */

/** Offsets behind `.` and `..`; names come after them. */
const SELF = 1;
const PARENT = 2;
const FIRST = 16;

/**
 * 48 bits of a name. So few because cluster/distribute packs the brick's number beside an offset, and of larger ones the
 * lowest bits would be lost, which are all that keeps an entry from being listed twice.
 */
function hashOf(name: Uint8Array): number {
  let high = 0x9e3779b1;
  let low = 0x85ebca77;
  for (const byte of name) {
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x5bd1e995);
    low ^= low >>> 15;
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b);
  low = Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  high ^= high >>> 13;
  low ^= low >>> 16;
  return FIRST + (high >>> 8) * 2 ** 24 + (low >>> 8);
}

interface Keyed {
  readonly name: Buffer;
  key: number;
}

/** In the order of the keys. Of names with one hash the later ones, by their bytes, move to the next keys that are free. */
function inOrder(names: readonly Buffer[]): Keyed[] {
  const entries = names.map((name) => ({ name, key: hashOf(name) }));
  entries.sort((a, b) => a.key - b.key || Buffer.compare(a.name, b.name));
  let last = 0;
  for (const entry of entries) {
    entry.key = Math.max(entry.key, last + 1);
    last = entry.key;
  }
  return entries;
}

function typeOf(stat: fs.BigIntStats): number {
  // DT_* are the type bits of st_mode.
  return Number((stat.mode & 0o170000n) >> 12n);
}

function readdir(descriptor: number, offset: bigint, limit: number): RawEntry[] {
  const stat = fs.fstatSync(descriptor, { bigint: true });
  if (!stat.isDirectory()) throw systemError('ENOTDIR', 'getdents64');
  const path = Buffer.from(`/proc/self/fd/${descriptor}/`);
  let names: Buffer[];
  try {
    names = fs.readdirSync(path, { encoding: 'buffer' });
  } catch (error) {
    // A directory that was removed is at its end.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (!fs.existsSync('/proc/self/fd')) throw systemError('ENOTSUP', 'getdents64');
    return [];
  }
  const entries: RawEntry[] = [];
  const add = (name: Buffer, key: number): void => {
    if (entries.length >= limit || BigInt(key) <= offset) return;
    const found = fs.lstatSync(Buffer.concat([path, name]), { bigint: true, throwIfNoEntry: false });
    if (found !== undefined) entries.push({ name, ino: found.ino, offset: BigInt(key), type: typeOf(found) });
  };
  add(Buffer.from('.'), SELF);
  add(Buffer.from('..'), PARENT);
  for (const { name, key } of inOrder(names)) add(name, key);
  return entries;
}

/* --- times --- */

function utimens(place: Place, atime: bigint | undefined, mtime: bigint | undefined): void {
  const path = typeof place === 'number' ? undefined : pathOf(place, 'utimensat');
  const now =
    path === undefined
      ? fs.fstatSync(place as number, { bigint: true })
      : fs.lstatSync(path, { bigint: true });
  if (atime === undefined && mtime === undefined) return;
  const access = seconds(atime ?? now.atimeNs);
  const change = seconds(mtime ?? now.mtimeNs);
  if (path === undefined) fs.futimesSync(place as number, access, change);
  else fs.lutimesSync(path, access, change);
}

/** As text, since Node takes a negative number for "now". */
function seconds(nanoseconds: bigint): string {
  return String(Number(nanoseconds / 1_000_000_000n) + Number(nanoseconds % 1_000_000_000n) / 1e9);
}

/** `Syscalls` by way of node:fs. */
export const fallbackSyscalls: Syscalls = {
  getxattr: unsupported('getxattr'),
  setxattr: unsupported('setxattr'),
  removexattr: unsupported('removexattr'),
  listxattr: unsupported('listxattr'),
  mknod: unsupported('mknod'),
  fallocate,
  seek,
  copyFileRange,
  readdir,
  utimens,
  linkDescriptor: unsupported('linkat'),
};

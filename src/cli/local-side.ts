import { execFile } from 'node:child_process';
import { type BigIntStats, constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { promisify } from 'node:util';
import { GlfsError } from '../errors.ts';
import { decodeText, encodeText } from '../xdr/index.ts';
import { deviceNumbers, octal } from './format.ts';
import { joinPath } from './locate.ts';
import {
  type AnyBigStats,
  type Attributes,
  attributesOf,
  type OpenSource,
  type OpenTarget,
  type Place,
  type Side,
  type SideEntry,
} from './side.ts';
import { codeOf } from './strerror.ts';
import { type ReadAnswer, readAhead } from './transfer.ts';

const makeSpecial = promisify(execFile);
const { O_WRONLY, O_CREAT, O_TRUNC, O_EXCL } = constants;

/** Names as bytes: those that are no UTF-8 come and go unharmed. */
const bytesOf = (path: string): Buffer => Buffer.from(encodeText(path));

function local(stats: BigIntStats): Attributes {
  return attributesOf(stats as AnyBigStats, `${stats.dev}:${stats.ino}`);
}

/** The file system of this machine. */
class LocalSide implements Side {
  readonly key = 'local';

  async stat(path: string, follow: boolean): Promise<Attributes> {
    const stat = follow ? fs.stat : fs.lstat;
    return local(await stat(bytesOf(path), { bigint: true }));
  }

  async entries(path: string): Promise<SideEntry[]> {
    const entries = await fs.readdir(bytesOf(path), { encoding: 'buffer', withFileTypes: true });
    // The types of @types/node don't know that `encoding` holds for entries, too.
    return entries.map((entry) => ({
      name: decodeText(entry.name as unknown as Buffer),
      isDirectory: entry.isDirectory(),
    }));
  }

  async readlink(path: string): Promise<string> {
    return decodeText(await fs.readlink(bytesOf(path), { encoding: 'buffer' }));
  }

  async openSource(path: string): Promise<OpenSource> {
    const handle = await fs.open(bytesOf(path), 'r');
    try {
      const attributes = local(await handle.stat({ bigint: true }));
      const seekable = attributes.kind === 'file' || attributes.kind === 'block';
      const pieces = () =>
        readAhead((position, size) => readAt(handle, seekable ? position : null, size), attributes.size);
      return { attributes, pieces, close: () => handle.close() };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async openTarget(
    path: string,
    { mode, exclusive }: { mode: number; exclusive: boolean },
  ): Promise<OpenTarget> {
    const flags = O_WRONLY | (exclusive ? O_CREAT | O_EXCL : O_TRUNC);
    const handle = await fs.open(bytesOf(path), flags, mode);
    return {
      ordered: false,
      write: (bytes, position) => writeAll(handle, bytes, position),
      size: async () => (await handle.stat()).size,
      truncate: (size) => handle.truncate(size),
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  }

  async mkdir(path: string, mode: number): Promise<void> {
    await fs.mkdir(bytesOf(path), { mode });
  }

  symlink(target: string, path: string): Promise<void> {
    return fs.symlink(bytesOf(target), bytesOf(path));
  }

  /** Node makes no special files; mknod(1) does. @throws Error with what it says */
  async mknod(path: string, { kind, mode, rdev }: Attributes): Promise<void> {
    const letter = { fifo: 'p', block: 'b', character: 'c' }[kind as string];
    // Sockets come to be by somebody listening on them.
    if (letter === undefined) throw new GlfsError('EOPNOTSUPP');
    const { major, minor } = deviceNumbers(rdev);
    const numbers = letter === 'p' ? [] : [String(major), String(minor)];
    await makeSpecial('mknod', ['-m', octal(mode), '--', path, letter, ...numbers]);
  }

  unlink(path: string): Promise<void> {
    return fs.unlink(bytesOf(path));
  }

  rmdir(path: string): Promise<void> {
    return fs.rmdir(bytesOf(path));
  }

  chmod(path: string, mode: number): Promise<void> {
    return fs.chmod(bytesOf(path), mode);
  }

  async restore(path: string, { kind, mode, uid, gid, atimeNs, mtimeNs }: Attributes): Promise<void> {
    const name = bytesOf(path);
    await fs.lchown(name, uid, gid).catch((error: unknown) => {
      // Only root gives files away; others keep them.
      if (codeOf(error) !== 'EPERM') throw error;
    });
    if (kind !== 'symlink') await fs.chmod(name, mode);
    await fs.lutimes(name, seconds(atimeNs), seconds(mtimeNs));
  }
}

/**
 * Node takes seconds as a floating point number, which is exact to a quarter of a microsecond: a bit above the whole
 * microsecond, it is not rounded below.
 */
function seconds(nanoseconds: bigint): number {
  return (Number(nanoseconds / 1000n) + 0.3) / 1e6;
}

/** Fills the piece as far as the file reaches. What can't be sought (a fifo, a terminal) is read as it comes. */
async function readAt(handle: fs.FileHandle, position: number | null, size: number): Promise<ReadAnswer> {
  const buffer = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const at = position === null ? null : position + length;
    const { bytesRead } = await handle.read(buffer, length, size - length, at);
    if (bytesRead === 0) return { bytes: buffer.subarray(0, length), eof: true };
    length += bytesRead;
  }
  return { bytes: buffer, eof: false };
}

async function writeAll(handle: fs.FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

const side = new LocalSide();

export function localPlace(path: string): Place {
  return { side, path, shown: path, child: (name) => localPlace(joinPath(path, name)) };
}

import { constants } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { GlfsError } from '../errors.ts';
import { gfidEquals } from '../protocol/gfid.ts';
import { shown } from './calls.ts';
import { File } from './file.ts';
import { bytesOf } from './file-contents.ts';
import { wireFlags } from './open-flags.ts';
import { openPath, unlessEnded } from './opening.ts';
import { readStreamOf, writeStreamOf } from './streams.ts';
import type {
  CallOptions,
  CopyFileOptions,
  OpenFlags,
  OpenOptions,
  Path,
  ReadFileOptions,
  ReadStreamOptions,
  StreamOptions,
  WriteFileOptions,
} from './types.ts';
import { VolumeEntries } from './volume-entries.ts';

const DEFAULT_MODE = 0o666;

/** Contents of files by path. */
export abstract class VolumeFiles extends VolumeEntries {
  /**
   * Opens a file, and makes it where the flags say so (glfs_open, glfs_creat).
   * @throws GlfsError ENOENT, EEXIST, EISDIR, EACCES, ELOOP; EINVAL for flags that are none and for devices, fifos, sockets
   */
  open(path: Path, flags: OpenFlags = 'r', options?: OpenOptions): Promise<File> {
    return this.call('open', path, options, async (call) => {
      const opened = await openPath(call, path, wireFlags(flags), options?.mode ?? DEFAULT_MODE);
      return unlessEnded(call, new File(this.scope, opened, shown(path)));
    });
  }

  /** The whole file, as Buffer, or as string where an encoding is given. @throws GlfsError as `open` */
  readFile(
    path: Path,
    options: (ReadFileOptions & { encoding: BufferEncoding }) | BufferEncoding,
  ): Promise<string>;
  readFile(path: Path, options?: ReadFileOptions): Promise<Buffer>;
  async readFile(path: Path, given: ReadFileOptions | BufferEncoding = {}): Promise<Buffer | string> {
    // As in node:fs, an encoding alone will do.
    const options: ReadFileOptions = typeof given === 'string' ? { encoding: given } : given;
    await using file = await this.open(path, options.flag ?? 'r', options);
    const bytes = await file.readFile(options);
    return options.encoding === undefined ? bytes : bytes.toString(options.encoding);
  }

  /** Replaces the contents of a file, or makes it. The close, where write errors may show, is part of it. */
  writeFile(
    path: Path,
    data: Uint8Array | string | Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
    options: WriteFileOptions = {},
  ): Promise<void> {
    return this.put(path, data, options, 'w');
  }

  /** Adds to the end of a file, or makes it. */
  appendFile(path: Path, data: Uint8Array | string, options: WriteFileOptions = {}): Promise<void> {
    return this.put(path, data, options, 'a');
  }

  private async put(
    path: Path,
    data: Uint8Array | string | Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
    options: WriteFileOptions,
    flag: OpenFlags,
  ): Promise<void> {
    const { encoding } = options;
    const inBytes = (part: Uint8Array | string): Uint8Array =>
      typeof part === 'string' && encoding !== undefined ? Buffer.from(part, encoding) : bytesOf(part);
    await using file = await this.open(path, options.flag ?? flag, options);
    if (typeof data === 'string' || data instanceof Uint8Array) await file.write(inBytes(data), options);
    else for await (const part of data) await file.write(inBytes(part), options);
    if (options.flush) await file.sync(options);
  }

  /**
   * Copies contents and permission bits, on the server where the graph allows it.
   * @throws GlfsError EEXIST with `exclusive`, EINVAL where both are the same file
   */
  async copyFile(source: Path, target: Path, options: CopyFileOptions = {}): Promise<void> {
    const { exclusive = false, signal, timeout, deadline } = options;
    const limits: CallOptions = { signal, timeout, deadline };
    await using from = await this.open(source, 'r', limits);
    const { size, mode } = await from.stat(limits);
    // Not cut at once: it may be the source.
    const flags = constants.O_WRONLY | constants.O_CREAT | (exclusive ? constants.O_EXCL : 0);
    await using to = await this.open(target, flags, { mode: mode & 0o7777, ...limits });
    if (gfidEquals(from.inode.gfid, to.inode.gfid))
      throw new GlfsError('EINVAL', 'source and target are the same file', {
        syscall: 'copyfile',
        path: shown(source),
        dest: shown(target),
      });
    await to.truncate(0, limits);
    await from.copyFileRange(to, { length: size, ...limits });
  }

  /** Bytes `start` to `end` (inclusive) as a stream, read ahead in pieces. Errors are the stream's. */
  createReadStream(path: Path, options: ReadStreamOptions = {}): Readable {
    const { signal, timeout, deadline } = options;
    return readStreamOf(
      async () => ({
        file: await this.open(path, options.flags ?? 'r', { signal, timeout, deadline }),
        owned: true,
      }),
      options,
    );
  }

  /** Writes what comes from `start` on, several pieces at once, with back-pressure. Errors are the stream's. */
  createWriteStream(path: Path, options: StreamOptions = {}): Writable {
    const { signal, timeout, deadline, mode } = options;
    return writeStreamOf(
      async () => ({
        file: await this.open(path, options.flags ?? 'w', { signal, timeout, deadline, mode }),
        owned: true,
      }),
      options,
    );
  }
}

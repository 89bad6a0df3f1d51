import { GlfsError } from '../errors.ts';
import type { CallContext, Inode } from '../graph/index.ts';
import { OpenFlag, SeekWhat } from '../protocol/messages.ts';
import { encodeText } from '../xdr/index.ts';
import { Attributed } from './attributed.ts';
import { statOf, type Target } from './attributes.ts';
import { type Call, named, runCall } from './calls.ts';
import { closedError, type OpenFile } from './open-file.ts';
import type { Scope } from './scope.ts';
import { PIECE_BYTES, placed, read, write } from './transfer.ts';
import { readResult, scatter, writeResult } from './transfer-results.ts';
import type { CallOptions, ReadResult, ReadvResult, Whence, WriteResult } from './types.ts';

/** Reading, writing and the position of an open file. */
export abstract class FileContents extends Attributed {
  readonly inode: Inode;
  /** Bytes from the start at which `read` and `write` go on (lseek's SEEK_CUR). */
  position = 0;
  protected closing: Promise<void> | undefined;
  /** Calls that move the position, one after the other. */
  private moving: Promise<unknown> = Promise.resolve();

  constructor(
    protected readonly scope: Scope,
    protected readonly file: OpenFile,
    /** As it was opened; for messages. */
    readonly path: string,
    protected context: CallContext,
  ) {
    super();
    this.inode = file.fd.inode;
  }

  /** Flags as on the wire: Linux's numbers, without O_CREAT, O_EXCL and O_TRUNC. */
  get flags(): number {
    return this.file.fd.flags;
  }

  get closed(): boolean {
    return this.closing !== undefined;
  }

  /**
   * Reads at the position, into the buffer or as many bytes as the number says, and moves the position (glfs_read). Fewer
   * bytes only at the end of the file; 0 bytes behind it.
   */
  read(size: number, options?: CallOptions): Promise<ReadResult<Buffer>>;
  read<B extends Uint8Array>(into: B, options?: CallOptions): Promise<ReadResult<B>>;
  read(into: Uint8Array | number, options?: CallOptions): Promise<ReadResult> {
    return this.inTurn(async () => {
      const result = await this.readAt(into, this.position, options);
      this.position += result.bytesRead;
      return result;
    });
  }

  /**
   * Reads at `position` (bytes) without moving the file's own (glfs_pread). With a buffer, its front holds the bytes; with a
   * number, the result's buffer has just the bytes that were read. @throws GlfsError EBADF, EINVAL
   */
  pread(size: number, position: number, options?: CallOptions): Promise<ReadResult<Buffer>>;
  pread<B extends Uint8Array>(into: B, position: number, options?: CallOptions): Promise<ReadResult<B>>;
  pread(into: Uint8Array | number, position: number, options?: CallOptions): Promise<ReadResult> {
    return this.readAt(into, position, options);
  }

  private readAt(into: Uint8Array | number, position: number, options?: CallOptions): Promise<ReadResult> {
    const buffer = typeof into === 'number' ? undefined : into;
    const size = typeof into === 'number' ? into : into.length;
    if (this.isPlain(size, options)) return this.readPlainly(size, position, buffer);
    return this.onFd('read', options, async (call) =>
      readResult(await read(call, this.file.fd, position, size, buffer), this.scope.device, buffer),
    );
  }

  /** A call without limits of patience, of one piece: nearly all are, and they are to cost no more than one operation. */
  private isPlain(size: number, options: CallOptions | undefined): boolean {
    return (
      options === undefined && size > 0 && size <= PIECE_BYTES && this.scope.identity.leaseId === undefined
    );
  }

  private async readPlainly(size: number, offset: number, into: Uint8Array | undefined): Promise<ReadResult> {
    const { file } = this;
    file.begin();
    try {
      if (this.closing !== undefined) throw closedError();
      const request = { fd: file.fd, offset, size, flags: 0, into };
      const { data, eof, stat } = await this.scope.mount.fops.read(request, this.context);
      const { length } = data;
      if (length === size || length === 0 || eof)
        return readResult(
          { data: placed(data, into), eof: eof || length === 0, stat },
          this.scope.device,
          into,
        );
    } catch (error) {
      throw named(error, { syscall: 'read', path: this.path });
    } finally {
      file.end();
    }
    // Neither all of it nor the end of the file: once more, in as many steps as it takes.
    return this.onFd('read', {}, async (call) =>
      readResult(await read(call, file.fd, offset, size, into), this.scope.device, into),
    );
  }

  /** Fills the buffers in order; at the file's position where none is given (glfs_readv, glfs_preadv). */
  readv(
    buffers: readonly Uint8Array[],
    position?: number | null,
    options?: CallOptions,
  ): Promise<ReadvResult> {
    const at = (from: number): Promise<ReadvResult> =>
      this.onFd('read', options, async (call) => {
        const size = buffers.reduce((sum, { length }) => sum + length, 0);
        const { data, eof } = await read(call, this.file.fd, from, size);
        if (!call.ended) scatter(data, buffers);
        return { bytesRead: data.length, buffers, eof };
      });
    if (typeof position === 'number') return at(position);
    return this.inTurn(async () => {
      const result = await at(this.position);
      this.position += result.bytesRead;
      return result;
    });
  }

  /** Writes all of the data at the position and moves it; at the end where the file is open for appending (glfs_write). */
  write(data: Uint8Array | string, options?: CallOptions): Promise<WriteResult> {
    return this.writev([bytesOf(data)], null, options);
  }

  /**
   * Writes all of the data at `position` (bytes) without moving the file's own (glfs_pwrite). A file that is open for
   * appending grows at its end instead, as on Linux. The bytes must stay as they are until the call has settled.
   * @throws GlfsError EBADF, ENOSPC, EDQUOT, EFBIG. After a failure any part of a large write may be there.
   */
  pwrite(data: Uint8Array | string, position: number, options?: CallOptions): Promise<WriteResult> {
    return this.writev([bytesOf(data)], position, options);
  }

  /** Writes the buffers in order as one write; at the file's position where none is given (glfs_writev, glfs_pwritev). */
  writev(
    buffers: readonly Uint8Array[],
    position?: number | null,
    options?: CallOptions,
  ): Promise<WriteResult> {
    const at = (to: number): Promise<WriteResult> => this.writeAt(buffers, to, options);
    if (typeof position === 'number') return at(position);
    return this.inTurn(async () => {
      const result = await at(this.position);
      this.position =
        this.appending && result.after !== undefined
          ? result.after.size
          : this.position + result.bytesWritten;
      return result;
    });
  }

  private writeAt(
    buffers: readonly Uint8Array[],
    position: number,
    options?: CallOptions,
  ): Promise<WriteResult> {
    let size = 0;
    for (const { length } of buffers) size += length;
    if (this.isPlain(size, options)) return this.writePlainly(buffers, size, position);
    return this.onFd('write', options, async (call) =>
      writeResult(await write(call, this.file.fd, position, buffers), size, this.scope.device),
    );
  }

  private async writePlainly(
    data: readonly Uint8Array[],
    size: number,
    offset: number,
  ): Promise<WriteResult> {
    const { file } = this;
    let taken = 0;
    file.begin();
    try {
      if (this.closing !== undefined) throw closedError();
      const request = { fd: file.fd, offset, size, flags: 0, data };
      const reply = await this.scope.mount.fops.write(request, this.context);
      taken = reply.count ?? size;
      if (taken >= size) return writeResult(reply, size, this.scope.device);
    } catch (error) {
      throw named(error, { syscall: 'write', path: this.path });
    } finally {
      file.end();
    }
    const rest = Buffer.concat(data).subarray(taken);
    return this.onFd('write', {}, async (call) =>
      writeResult(await write(call, file.fd, offset + taken, [rest]), size, this.scope.device),
    );
  }

  /** Moves the position (glfs_lseek) and gives the new one. @throws GlfsError EINVAL before the start of the file */
  seek(offset: number, whence: Whence = 'start', options?: CallOptions): Promise<number> {
    return this.inTurn(() =>
      this.onFd('lseek', options, async (call) => {
        const base = whence === 'start' ? 0 : whence === 'current' ? this.position : await this.size(call);
        const target = base + offset;
        if (!Number.isSafeInteger(target) || target < 0)
          throw new GlfsError('EINVAL', `not a position: ${target}`);
        this.position = target;
        return target;
      }),
    );
  }

  /** The first data at or behind `offset` (SEEK_DATA); moves the position. @throws GlfsError ENXIO where only a hole follows */
  seekData(offset: number, options?: CallOptions): Promise<number> {
    return this.seekTo(offset, SeekWhat.DATA, options);
  }

  /** The first hole at or behind `offset` (SEEK_HOLE), at the latest the end of the file; moves the position. @throws GlfsError ENXIO */
  seekHole(offset: number, options?: CallOptions): Promise<number> {
    return this.seekTo(offset, SeekWhat.HOLE, options);
  }

  private seekTo(offset: number, what: number, options?: CallOptions): Promise<number> {
    return this.inTurn(() =>
      this.onFd('lseek', options, async (call) => {
        const reply = await call.fop('seek', { fd: this.file.fd, offset, what });
        this.position = reply.offset;
        return reply.offset;
      }),
    );
  }

  /** Writes go to the end of the file. */
  get appending(): boolean {
    return (this.flags & OpenFlag.APPEND) !== 0;
  }

  protected async size(call: Call): Promise<number> {
    return (await statOf(call, { fd: this.file.fd })).size;
  }

  /** @throws GlfsError EBADF where the file is closed */
  protected async onFd<T>(
    syscall: string,
    options: CallOptions | undefined,
    body: (call: Call) => Promise<T>,
  ): Promise<T> {
    const name = { syscall, path: this.path };
    if (this.closing !== undefined) throw named(closedError(), name);
    const used = (call: Call): Promise<T> => this.file.use(() => body(call));
    return runCall(this.scope, name, options, used, this.context);
  }

  protected override run<T>(
    syscall: string,
    options: CallOptions | undefined,
    body: (call: Call, target: Target) => Promise<T>,
  ): Promise<T> {
    return this.onFd(`f${syscall}`, options, (call) => body(call, { fd: this.file.fd }));
  }

  /** Calls that use the position see it as the one before has left it. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.moving.then(work);
    this.moving = result.catch(() => {});
    return result;
  }
}

export function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? encodeText(data) : data;
}

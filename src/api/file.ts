import type { Readable, Writable } from 'node:stream';
import { GlfsError } from '../errors.ts';
import { newLkOwner } from '../graph/index.ts';
import { keys } from '../protocol/keys.ts';
import { OpenFlag } from '../protocol/messages.ts';
import { copyBytes } from '../xdr/index.ts';
import { changeOf, truncate } from './attributes.ts';
import { named, runCall } from './calls.ts';
import { type CopyRange, copyRange } from './copy-range.ts';
import { checkOwner, contextOf } from './credentials.ts';
import { FileContents } from './file-contents.ts';
import { getLease, type Lease, type LeaseOptions, takeLease, unlockLease } from './leases.ts';
import { absoluteRange, acquire, Lock, type LockKind, probe, release } from './locks.ts';
import type { OpenFile } from './open-file.ts';
import type { Scope } from './scope.ts';
import { readStreamOf, writeStreamOf } from './streams.ts';
import { PIECE_BYTES } from './transfer.ts';
import { asBuffer } from './transfer-results.ts';
import type {
  CallOptions,
  Change,
  LeaseKind,
  LockInfo,
  LockOptions,
  LockRange,
  RangeChecksum,
  ReadStreamOptions,
  StreamOptions,
} from './types.ts';

const KEEP_SIZE = 1;

/**
 * An open file (glfs_fd_t). Its calls may run side by side; those that overlap are put in order. Locks belong to the file's
 * lock owner, which no other open file shares unless the credentials name one.
 */
export class File extends FileContents implements AsyncDisposable {
  private locked = false;

  constructor(scope: Scope, file: OpenFile, path: string) {
    const owner = scope.identity.sharedOwner ?? newLkOwner();
    super(scope, file, path, contextOf(scope.identity, owner));
    scope.opened.add(this);
  }

  /** Everything from the position to the end of the file. */
  async readFile(options?: CallOptions): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    // The size may be wrong by the time of the read: only the end of the file ends it.
    let expected = Math.max((await this.stat(options)).size - this.position, 0);
    for (;;) {
      const { buffer, eof, bytesRead } = await this.read(Math.max(expected, 1), options);
      parts.push(buffer);
      if (eof || bytesRead === 0) return parts.length === 1 ? asBuffer(parts[0]!) : Buffer.concat(parts);
      expected = PIECE_BYTES;
    }
  }

  /** Cuts the file, or grows it by a hole (glfs_ftruncate). `size` in bytes, by default 0. @throws GlfsError EINVAL, EFBIG */
  truncate(size = 0, options?: CallOptions): Promise<Change> {
    return this.onFd('ftruncate', options, async (call) => {
      const { prestat, poststat } = await truncate(call, { fd: this.file.fd }, size);
      return changeOf(call, prestat, poststat);
    });
  }

  /** Waits until data and attributes are on the bricks' disks (glfs_fsync). @throws GlfsError of any write that was lost */
  sync(options?: CallOptions): Promise<Change> {
    return this.fsync('fsync', 0, options);
  }

  /** As `sync`, but of the attributes only what is needed to read the data (glfs_fdatasync). */
  datasync(options?: CallOptions): Promise<Change> {
    return this.fsync('fdatasync', 1, options);
  }

  private fsync(syscall: string, datasync: number, options?: CallOptions): Promise<Change> {
    return this.onFd(syscall, options, async (call) => {
      const { prestat, poststat } = await call.fop('fsync', { fd: this.file.fd, datasync });
      return changeOf(call, prestat, poststat);
    });
  }

  /** Sets room aside; the file grows unless `keepSize` (glfs_fallocate). @throws GlfsError ENOSPC, EOPNOTSUPP, EINVAL */
  fallocate(offset: number, length: number, options?: CallOptions & { keepSize?: boolean }): Promise<Change> {
    const flags = options?.keepSize ? KEEP_SIZE : 0;
    return this.onFd('fallocate', options, async (call) => {
      const reply = await call.fop('fallocate', { fd: this.file.fd, flags, offset, size: length });
      return changeOf(call, reply.prestat, reply.poststat);
    });
  }

  /** Makes a hole; the size stays (glfs_discard). @throws GlfsError EOPNOTSUPP, EINVAL */
  discard(offset: number, length: number, options?: CallOptions): Promise<Change> {
    return this.onFd('discard', options, async (call) => {
      const reply = await call.fop('discard', { fd: this.file.fd, offset, size: length });
      return changeOf(call, reply.prestat, reply.poststat);
    });
  }

  /** Fills a range with zeros; the file grows where it ends earlier (glfs_zerofill). @throws GlfsError EOPNOTSUPP, EINVAL */
  zerofill(offset: number, length: number, options?: CallOptions): Promise<Change> {
    return this.onFd('zerofill', options, async (call) => {
      const reply = await call.fop('zerofill', { fd: this.file.fd, offset, size: length });
      return changeOf(call, reply.prestat, reply.poststat);
    });
  }

  /**
   * What the brick computes of a range, none of which travels: fewer bytes than `length` only at the end of the file.
   * @throws GlfsError EOPNOTSUPP where the file does not lie on a brick as it is (shards, fragments), EINVAL
   */
  rchecksum(offset: number, length: number, options?: CallOptions): Promise<RangeChecksum> {
    return this.onFd('rchecksum', options, async (call) => {
      const request = { fd: this.file.fd, offset, size: length, flags: 0 };
      const { weak, strong, xdata } = await call.fop('rchecksum', request);
      const algorithm = xdata?.get(keys.fipsChecksum) ? 'sha256' : 'md5';
      return { weak, strong: copyBytes(strong), algorithm };
    });
  }

  /**
   * Copies bytes to another file, on the server where the graph allows it (glfs_copy_file_range). Gives the number of bytes
   * copied: fewer than `length` only where this file ends. @throws GlfsError EINVAL for ranges that overlap in one file
   */
  copyFileRange(
    target: File,
    { signal, timeout, deadline, ...range }: CopyRange & CallOptions,
  ): Promise<number> {
    return this.onFd('copy_file_range', { signal, timeout, deadline }, (call) =>
      target.file.use(() => copyRange(call, this.file.fd, target.file.fd, range)),
    );
  }

  /**
   * Takes a POSIX lock (glfs_posix_lock and glfs_file_lock with F_SETLKW, or F_SETLK where `wait` is false). Closing the file
   * drops it. @throws GlfsError EAGAIN where another owner has it, EINVAL, EDEADLK
   */
  lock(type: LockKind, options: LockOptions = {}): Promise<Lock> {
    const { wait = true, mandatory = false } = options;
    return this.onFd('lock', options, async (call) => {
      const range = await absoluteRange(call, this.file, options, this.position);
      this.locked = true;
      await acquire(call, this.file, type, range, { wait, mandatory });
      return new Lock(type, range, ({ start, length }) => this.unlock({ start, length }));
    });
  }

  /** Drops the owner's locks of a range, by default of the whole file (F_UNLCK). */
  unlock(options: LockRange & CallOptions = {}): Promise<void> {
    return this.onFd('unlock', options, async (call) =>
      release(call, this.file, await absoluteRange(call, this.file, options, this.position)),
    );
  }

  /** The first lock of another owner that would be in the way, or undefined (F_GETLK). */
  getLock(type: LockKind, options: LockRange & CallOptions = {}): Promise<LockInfo | undefined> {
    return this.onFd('getlock', options, async (call) =>
      probe(call, this.file, type, await absoluteRange(call, this.file, options, this.position)),
    );
  }

  /** 1 to 255 bytes on whose behalf this file's locks are held from now on (glfs_fd_set_lkowner). @throws GlfsError EINVAL */
  setLockOwner(owner: Uint8Array): void {
    checkOwner(owner);
    this.context = { ...this.context, lkOwner: copyBytes(owner) };
  }

  /** Takes a lease (glfs_lease). `onRecall` is told when a server wants it back. @throws GlfsError EAGAIN, EOPNOTSUPP, EINVAL */
  lease(type: LeaseKind, options?: LeaseOptions): Promise<Lease> {
    const giveUp = (id: Uint8Array): Promise<void> =>
      this.onFd('lease', undefined, (call) => unlockLease(call, this.inode, type, id));
    return this.onFd('lease', options, (call) => takeLease(call, this.inode, type, options, giveUp));
  }

  /** The lease that the file has, if any. */
  getLease(options?: CallOptions & { id?: Uint8Array }): Promise<LeaseKind | undefined> {
    return this.onFd('lease', options, (call) => getLease(call, this.inode, options?.id));
  }

  /** The bytes from `start` to `end` as a stream, read ahead. Closing the stream leaves the file open. */
  createReadStream(options: ReadStreamOptions = {}): Readable {
    return readStreamOf(async () => ({ file: this, owned: false }), options);
  }

  /** Writes what comes, several pieces at once. Closing the stream leaves the file open. */
  createWriteStream(options: StreamOptions = {}): Writable {
    return writeStreamOf(async () => ({ file: this, owned: false }), options);
  }

  /** Another handle of the same open file, with a position and a lock owner of its own (glfs_dup). @throws GlfsError EBADF */
  dup(): File {
    if (this.closing !== undefined)
      throw new GlfsError('EBADF', 'the file is closed', { syscall: 'dup', path: this.path });
    const twin = new File(this.scope, this.file.retain(), this.path);
    twin.position = this.position;
    return twin;
  }

  /**
   * Waits for the calls under way, flushes, drops the owner's locks and releases the file (glfs_close). Idempotent.
   * @throws GlfsError of the flush; the file is closed all the same.
   */
  close(options?: CallOptions): Promise<void> {
    this.closing ??= this.leave();
    const name = { syscall: 'close', path: this.path };
    return runCall(this.scope, name, options, () => this.closing!, this.context);
  }

  private async leave(): Promise<void> {
    this.scope.opened.delete(this);
    // A flush tells bricks that writes are done and locks dropped: who did neither has nothing to tell.
    const writes = (this.flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY;
    const flush = writes || this.locked || this.scope.identity.sharedOwner !== undefined;
    try {
      await this.file.leave(this.context, flush);
    } catch (error) {
      throw named(error, { syscall: 'close', path: this.path });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

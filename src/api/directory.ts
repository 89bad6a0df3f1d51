import { type CallContext, type DirectoryEntry, Inode } from '../graph/index.ts';
import { Attributed } from './attributed.ts';
import type { Target } from './attributes.ts';
import { type Call, named, runCall } from './calls.ts';
import { contextOf } from './credentials.ts';
import { Dirent, DirentPlus } from './dirent.ts';
import type { Handle } from './handle.ts';
import { closedError, type OpenFile } from './open-file.ts';
import type { Scope } from './scope.ts';
import type { CallOptions, OpendirOptions } from './types.ts';

/** Bytes of entries that are asked for at once, in the count of bricks: about 1000 names, or 400 with attributes. */
const DEFAULT_BUFFER_BYTES = 128 * 1024;

/** Entries that were fetched and not handed out yet. */
interface Batch {
  readonly entries: DirectoryEntry[];
  readonly plus: boolean;
  next: number;
}

const NOTHING: Batch = { entries: [], plus: false, next: 0 };

/**
 * An open directory (glfs_fd_t of glfs_opendir). Iterating gives its entries, without `.` and `..` unless asked for. What is
 * added or removed meanwhile may or may not be listed; everything else is, once.
 */
export class Directory extends Attributed implements AsyncDisposable, AsyncIterable<Dirent> {
  readonly inode: Inode;
  private readonly context: CallContext;
  private readonly bufferBytes: number;
  private readonly dots: boolean;
  private batch: Batch = NOTHING;
  /** Behind the last entry that was handed out. */
  private cookie = 0n;
  private reading: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly scope: Scope,
    private readonly file: OpenFile,
    /** As it was opened. */
    readonly path: string,
    private readonly handleOf: (inode: Inode) => Handle,
    { bufferSize = DEFAULT_BUFFER_BYTES, dots = false }: OpendirOptions = {},
  ) {
    super();
    this.inode = file.fd.inode;
    this.context = contextOf(scope.identity);
    this.bufferBytes = bufferSize;
    this.dots = dots;
    scope.opened.add(this);
  }

  /** The next entry, or null at the end (glfs_readdir). */
  read(options?: CallOptions): Promise<Dirent | null> {
    return this.inTurn(async () => {
      const entry = await this.nextEntry(false, options);
      return entry === undefined ? null : new Dirent(entry, this.path);
    });
  }

  /** The entries of one answer, empty at the end. */
  readBatch(options?: CallOptions): Promise<Dirent[]> {
    return this.inTurn(async () =>
      (await this.nextEntries(false, options)).map((entry) => new Dirent(entry, this.path)),
    );
  }

  /** The next entry with its attributes, or null at the end (glfs_readdirplus). */
  readPlus(options?: CallOptions): Promise<DirentPlus | null> {
    return this.inTurn(async () => {
      const entry = await this.nextEntry(true, options);
      return entry === undefined ? null : this.toPlus(entry);
    });
  }

  /** As `readBatch`, with attributes. */
  readPlusBatch(options?: CallOptions): Promise<DirentPlus[]> {
    return this.inTurn(async () =>
      (await this.nextEntries(true, options)).map((entry) => this.toPlus(entry)),
    );
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Dirent> {
    for (let batch = await this.readBatch(); batch.length > 0; batch = await this.readBatch()) yield* batch;
  }

  /** Iterates with attributes. */
  async *entriesPlus(options?: CallOptions): AsyncGenerator<DirentPlus> {
    for (;;) {
      const batch = await this.readPlusBatch(options);
      if (batch.length === 0) return;
      yield* batch;
    }
  }

  /** Where the listing goes on: 63 bits, valid for this volume's graph as long as the directory is open (glfs_telldir). */
  tell(): bigint {
    return this.cookie;
  }

  /** Goes on behind the entry whose `offset`, or from where `tell`, was given (glfs_seekdir). */
  seek(cookie: bigint): void {
    this.cookie = cookie;
    this.batch = NOTHING;
  }

  /** Begins anew; what was added meanwhile is listed. */
  rewind(): void {
    this.seek(0n);
  }

  /** Waits until the entries are on the bricks' disks. */
  async sync(options?: CallOptions): Promise<void> {
    await this.onFd('fsync', options, (call) => call.fop('fsyncdir', { fd: this.file.fd, datasync: 0 }));
  }

  /** glfs_closedir. Idempotent. */
  close(options?: CallOptions): Promise<void> {
    this.closing ??= this.leave();
    return runCall(
      this.scope,
      { syscall: 'closedir', path: this.path },
      options,
      () => this.closing!,
      this.context,
    );
  }

  private async leave(): Promise<void> {
    this.scope.opened.delete(this);
    await this.file.leave(this.context, false);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async nextEntry(plus: boolean, options?: CallOptions): Promise<DirectoryEntry | undefined> {
    const batch = await this.filled(plus, options);
    const entry = batch.entries[batch.next];
    if (entry === undefined) return undefined;
    batch.next++;
    this.cookie = entry.offset;
    return entry;
  }

  private async nextEntries(plus: boolean, options?: CallOptions): Promise<DirectoryEntry[]> {
    const batch = await this.filled(plus, options);
    const entries = batch.entries.slice(batch.next);
    batch.next = batch.entries.length;
    this.cookie = entries.at(-1)?.offset ?? this.cookie;
    return entries;
  }

  /** A batch with at least one entry that counts, but for the end of the directory. */
  private async filled(plus: boolean, options?: CallOptions): Promise<Batch> {
    if (this.batch.next < this.batch.entries.length && this.batch.plus === plus) return this.batch;
    let offset = this.cookie;
    for (;;) {
      const all = await this.fetch(plus, offset, options);
      const entries = this.dots ? all : all.filter(({ name }) => name !== '.' && name !== '..');
      const end = all.at(-1);
      if (entries.length > 0 || end === undefined) {
        this.batch = { entries, plus, next: 0 };
        return this.batch;
      }
      offset = end.offset;
    }
  }

  private fetch(plus: boolean, offset: bigint, options?: CallOptions): Promise<DirectoryEntry[]> {
    const request = { fd: this.file.fd, offset, size: this.bufferBytes };
    return this.onFd('readdir', options, async (call) => {
      const reply = await (plus ? call.fop('readdirp', request) : call.fop('readdir', request));
      return reply.entries;
    });
  }

  private toPlus(entry: DirectoryEntry): DirentPlus {
    const { stat } = entry;
    const handle = (): Handle | undefined => {
      if (stat === undefined) return undefined;
      const { inodes } = this.scope.mount;
      return this.handleOf(inodes.link(entry.inode ?? new Inode(), stat));
    };
    return new DirentPlus(entry, this.path, { device: this.scope.device, handle });
  }

  private async onFd<T>(
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

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.reading.then(work);
    this.reading = result.catch(() => {});
    return result;
  }
}

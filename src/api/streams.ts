import { Readable, Writable } from 'node:stream';
import { GlfsError } from '../errors.ts';
import type { File } from './file.ts';
import type { CallOptions, ReadStreamOptions, StreamOptions } from './types.ts';

/** Default size of a piece, in bytes, and number of pieces that travel at once. */
const PIECE_BYTES = 1024 * 1024;
const PARALLEL = 4;

/** Where a stream gets its file from, and whether it closes it. */
export type Source = () => Promise<{ file: File; owned: boolean }>;

type Done = (error?: Error | null) => void;

interface Plan {
  readonly piece: number;
  readonly parallel: number;
  /** Where it begins; absent: at the file's position. */
  readonly start: number | undefined;
  readonly calls: CallOptions;
}

/** @throws GlfsError EINVAL */
function planOf({
  highWaterMark = PIECE_BYTES,
  parallel = PARALLEL,
  start,
  signal,
  timeout,
  deadline,
}: StreamOptions): Plan {
  if (!Number.isInteger(highWaterMark) || highWaterMark < 1)
    throw new GlfsError('EINVAL', `not a high water mark: ${highWaterMark}`);
  if (!Number.isInteger(parallel) || parallel < 1)
    throw new GlfsError('EINVAL', `not a number of pieces: ${parallel}`);
  if (start !== undefined && (!Number.isSafeInteger(start) || start < 0))
    throw new GlfsError('EINVAL', `not a start: ${start}`);
  return { piece: highWaterMark, parallel, start, calls: { signal, timeout, deadline } };
}

/** What both directions share: the file, opened before the first piece and closed after the last one. */
class Opened {
  private opened: { file: File; owned: boolean } | undefined;

  constructor(private readonly source: Source) {}

  /** `begin` gets the position of the file. */
  open(begin: (position: number) => void, done: Done): void {
    this.source().then(
      (opened) => {
        this.opened = opened;
        begin(opened.file.position);
        done();
      },
      (error: Error) => done(error),
    );
  }

  get file(): File {
    return this.opened!.file;
  }

  close(reason: Error | null, done: Done): void {
    if (!this.opened?.owned) {
      done(reason);
      return;
    }
    this.opened.file.close().then(
      () => done(reason),
      (error: Error) => done(reason ?? error),
    );
  }
}

/** Reads ahead: pieces are asked for before they are wanted, and handed on in order. */
class ReadStream extends Readable {
  private readonly opened: Opened;
  private readonly pending: { start: number; bytes: Promise<Buffer> }[] = [];
  private next = 0;
  /** Pieces that travel at once: from one upwards, so that a short file is not asked for what it has not. */
  private ahead = 1;

  constructor(
    source: Source,
    private readonly plan: Plan,
    /** First byte that is not wanted. */
    private end: number,
    options: ReadStreamOptions,
  ) {
    super({ highWaterMark: plan.piece, encoding: options.encoding, signal: options.signal });
    this.opened = new Opened(source);
  }

  override _construct(done: Done): void {
    this.opened.open((position) => {
      this.next = this.plan.start ?? position;
    }, done);
  }

  override _read(): void {
    this.askAhead();
    const first = this.pending.shift();
    if (first === undefined || first.start >= this.end) {
      this.push(null);
      return;
    }
    first.bytes.then(
      (bytes) => this.push(bytes.length === 0 ? null : bytes),
      (error: Error) => this.destroy(error),
    );
  }

  private askAhead(): void {
    const { parallel, piece, calls } = this.plan;
    while (this.pending.length < this.ahead && this.next < this.end) {
      const start = this.next;
      const size = Math.min(piece, this.end - start);
      const bytes = this.opened.file.pread(size, start, calls).then(({ buffer, bytesRead }) => {
        // What lies behind a short piece is not ours to see: the file has grown since, or there is nothing.
        if (bytesRead < size) this.end = Math.min(this.end, start + bytesRead);
        else this.ahead = Math.min(this.ahead + 1, parallel);
        return buffer;
      });
      // Its error is seen when its turn comes, or never where the stream ends before.
      bytes.catch(() => {});
      this.pending.push({ start, bytes });
      this.next += size;
    }
  }

  override _destroy(error: Error | null, done: Done): void {
    this.pending.length = 0;
    this.opened.close(error, done);
  }
}

/** Lets several pieces travel at once; an error of any of them ends the stream, at the latest at its end. */
class WriteStream extends Writable {
  private readonly opened: Opened;
  private readonly underway = new Set<Promise<void>>();
  private failure: Error | undefined;
  private at = 0;

  constructor(
    source: Source,
    private readonly plan: Plan,
    private readonly flush: boolean,
    options: StreamOptions,
  ) {
    super({ highWaterMark: plan.piece, signal: options.signal, decodeStrings: true });
    this.opened = new Opened(source);
  }

  override _construct(done: Done): void {
    this.opened.open((position) => {
      this.at = this.plan.start ?? position;
    }, done);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  private send(buffers: Buffer[], done: Done): void {
    if (this.failure !== undefined) {
      done(this.failure);
      return;
    }
    const size = buffers.reduce((sum, { length }) => sum + length, 0);
    const { file } = this.opened;
    // The order of appends is the order of their arrival: one at a time.
    const parallel = file.appending ? 1 : this.plan.parallel;
    const written = file.writev(buffers, this.at, this.plan.calls).then(
      () => {},
      (error: Error) => {
        this.failure ??= error;
      },
    );
    this.at += size;
    this.underway.add(written);
    written.then(() => this.underway.delete(written));
    if (this.underway.size < parallel) done();
    else Promise.race(this.underway).then(() => done(this.failure));
  }

  override _final(done: Done): void {
    this.settle().then(
      () => done(),
      (error: Error) => done(error),
    );
  }

  private async settle(): Promise<void> {
    await Promise.all(this.underway);
    if (this.failure !== undefined) throw this.failure;
    if (this.flush) await this.opened.file.sync(this.plan.calls);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.opened.close(error, done);
  }
}

/** @throws GlfsError EINVAL for options out of range */
export function readStreamOf(source: Source, options: ReadStreamOptions): Readable {
  const { end = Number.POSITIVE_INFINITY } = options;
  if (end !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(end) || end < 0))
    throw new GlfsError('EINVAL', `not an end: ${end}`);
  return new ReadStream(source, planOf(options), end + 1, options);
}

/** @throws GlfsError EINVAL for options out of range */
export function writeStreamOf(source: Source, options: StreamOptions): Writable {
  return new WriteStream(source, planOf(options), options.flush ?? false, options);
}

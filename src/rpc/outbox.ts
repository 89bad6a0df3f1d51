import type { Socket } from 'node:net';

/** The first slab is small, since many connections make but a few calls; slabs double up to the largest. */
const FIRST_SLAB = 2 * 1024;
const LARGEST_SLAB = 64 * 1024;
/** Payloads from this size on are sent from the caller's memory; smaller ones are cheaper to copy. */
export const BY_REFERENCE = 16 * 1024;

/**
 * Collects what is to be sent during one tick and hands it to the kernel in one gathered write. Headers and small
 * payloads are appended to a slab, large payloads are queued as they are.
 *
 * With TLS each call is written by itself: GlusterFS's servers take one call from the connection for each event of its
 * socket, and what follows it within the same TLS record stays in their TLS library, unseen, until something else arrives.
 */
export class Outbox {
  private slab = Buffer.allocUnsafeSlow(FIRST_SLAB);
  private start = 0;
  private end = 0;
  private segments: Uint8Array[] = [];
  private scheduled = false;
  private closed = false;
  /** With TLS: calls behind the one that is being written. */
  private calls: Uint8Array[][] = [];
  private writing = false;

  constructor(
    private readonly socket: Socket,
    private readonly oneByOne = false,
    /** With TLS: told when nothing waits any more. */
    private readonly emptied: () => void = () => {},
  ) {}

  /** With TLS: calls that wait for those before them to be written. */
  get waiting(): number {
    return this.calls.length;
  }

  /** Bytes that have not left yet; what this tick has collected in the slab is left out. */
  get unsent(): number {
    let bytes = this.socket.writableLength;
    for (const segment of this.segments) bytes += segment.length;
    for (const call of this.calls) for (const segment of call) bytes += segment.length;
    return bytes;
  }

  /** Whether anything has not left yet. */
  get busy(): boolean {
    return this.calls.length > 0 || this.segments.length > 0 || this.socket.writableLength > 0;
  }

  /** Room for `length` bytes, to be filled before the next call: returns where they start in `buffer`. */
  reserve(length: number): { buffer: Buffer; at: number } {
    if (this.end + length > this.slab.length) {
      this.seal();
      const larger = Math.min(this.slab.length * 2, LARGEST_SLAB);
      this.slab = Buffer.allocUnsafeSlow(Math.max(larger, length));
      this.start = 0;
      this.end = 0;
    }
    const at = this.end;
    this.end += length;
    this.schedule();
    return { buffer: this.slab, at };
  }

  /** Queues payload behind what was reserved. Unless `stable`, the bytes are copied, whatever their size. */
  payload(bytes: Uint8Array, stable: boolean): void {
    if (stable && bytes.length >= BY_REFERENCE) {
      this.seal();
      this.segments.push(bytes);
      this.schedule();
      return;
    }
    const { buffer, at } = this.reserve(bytes.length);
    buffer.set(bytes, at);
  }

  /** What follows belongs to another call. */
  endCall(): void {
    if (!this.oneByOne) return;
    this.seal();
    this.calls.push(this.segments);
    this.segments = [];
  }

  private seal(): void {
    if (this.end > this.start) this.segments.push(this.slab.subarray(this.start, this.end));
    this.start = this.end;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    // nextTick runs once the promises that this tick resolved have made their next calls.
    process.nextTick(this.flush);
  }

  private readonly flush = (): void => {
    this.scheduled = false;
    if (this.closed) return;
    if (this.oneByOne) {
      this.writeCall();
      return;
    }
    this.seal();
    const segments = this.segments;
    this.segments = [];
    this.write(segments);
  };

  private writeCall(): void {
    if (this.writing || this.closed) return;
    const call = this.calls.shift();
    if (call === undefined) {
      this.emptied();
      return;
    }
    // Two writes at once would be joined into one by the stream.
    this.writing = true;
    this.write(call, () => {
      this.writing = false;
      this.writeCall();
    });
  }

  private write(segments: readonly Uint8Array[], done?: () => void): void {
    if (segments.length === 0) return;
    const last = segments.length - 1;
    if (last === 0) {
      this.socket.write(segments[0]!, done);
      return;
    }
    this.socket.cork();
    for (const [index, segment] of segments.entries())
      this.socket.write(segment, index === last ? done : undefined);
    this.socket.uncork();
  }

  close(): void {
    this.closed = true;
    this.segments = [];
    this.calls = [];
  }
}

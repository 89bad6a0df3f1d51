import { GlfsError } from '../errors.ts';

/*
 * Record marking (RFC 5531, section 11): each fragment is preceded by a u32 whose top bit marks the last fragment of the
 * record and whose other bits are the fragment's length.
 */
const LAST = 0x8000_0000;

/** What a record turned out to be once its first bytes are there. */
export interface Recipient {
  /** Nobody waits for the record any more: from then on its bytes go nowhere. */
  readonly settled: boolean;
  /** Most bytes that the record may have. */
  readonly limit: number;
  /**
   * The record is kept beyond the call: it comes in memory that nobody writes to again. The chunks that are pushed must then
   * not be used again either.
   */
  readonly kept?: boolean;
  /**
   * For records that end in bulk data: how many bytes of the record's front are header, once `front` (at least
   * `frontMinimum` bytes of it) is there. What follows goes to `destination`.
   */
  readonly bulk?: {
    readonly frontMinimum: number;
    headerLength(front: Uint8Array): number;
    /** Called once, with the number of bytes to come. */
    destination(length: number): Uint8Array;
  };
}

export interface RecordHandler {
  /** Says who takes the record, from its first eight bytes (xid, message type); `undefined` discards it unread. */
  recipient(xid: number, messageType: number): Recipient | undefined;
  /** A whole record. `record` is valid during the call only. With bulk, `record` is the header and `bulk` the rest. */
  record(xid: number, messageType: number, record: Uint8Array, bulk: Uint8Array | undefined): void;
}

const PREFIX = 12;
/** Bytes that are taken on an announcement alone. */
const RESERVED = 256 * 1024;

/**
 * Takes a byte stream apart into records. Memory follows the bytes that have arrived, never a length that a peer merely
 * announces. Bulk data are copied once, from the receive buffer to their destination.
 *
 * Usage: `push(chunk)` for every chunk; it throws GlfsError EPROTO when the stream can't be followed any further.
 */
export class RecordReader {
  /** Bytes gathered of the present record: the mark of its first fragment is stripped. */
  private head = Buffer.allocUnsafeSlow(1024);
  private headLength = 0;
  /** Mark and first words, until the record's recipient is known. */
  private readonly prefix = Buffer.allocUnsafe(PREFIX);
  private prefixLength = 0;
  /** Bytes of the present fragment that have not arrived. */
  private fragmentLeft = 0;
  private lastFragment = false;
  /** The record has come in more than one fragment. */
  private fragmented = false;
  private inRecord = false;
  private discarding = false;
  private xid = 0;
  private messageType = 0;
  private recipient: Recipient | undefined;
  private bulk: Uint8Array | undefined;
  private bulkLength = 0;

  constructor(private readonly handler: RecordHandler) {}

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) at = this.inRecord ? this.body(chunk, at) : this.begin(chunk, at);
  }

  /** Gathers the mark and the first two words, then asks who takes the record. */
  private begin(chunk: Uint8Array, at: number): number {
    const taken = Math.min(PREFIX - this.prefixLength, chunk.length - at);
    for (let index = 0; index < taken; index++) this.prefix[this.prefixLength + index] = chunk[at + index]!;
    this.prefixLength += taken;
    if (this.prefixLength < 4) return at + taken;
    const mark = this.prefix.readUInt32BE(0);
    const length = mark >= LAST ? mark - LAST : mark;
    // A first fragment too short for xid and type is legal by the RFC; no GlusterFS peer sends one.
    if (length < 8) throw new GlfsError('EPROTO', `RPC: a record's first fragment has ${length} bytes`);
    if (this.prefixLength < PREFIX) return at + taken;
    this.lastFragment = mark >= LAST;
    this.fragmentLeft = length - 8;
    this.xid = this.prefix.readUInt32BE(4);
    this.messageType = this.prefix.readUInt32BE(8);
    this.recipient = this.handler.recipient(this.xid, this.messageType);
    this.discarding = this.recipient === undefined;
    this.headLength = 0;
    this.inRecord = true;
    this.fragmented = false;
    this.checkLimit(length);
    const whole = this.wholeInChunk(chunk, at + taken);
    if (whole >= 0) return whole;
    if (this.recipient?.kept === true) this.reserve(length);
    if (!this.discarding) this.append(this.prefix, 4, 8);
    if (this.fragmentLeft === 0) this.endFragment();
    return at + taken;
  }

  /** Of what is announced a little is taken at once, so that most records are gathered without being moved. */
  private reserve(length: number): void {
    const wanted = Math.min(length, RESERVED);
    if (this.head.length < wanted) this.head = Buffer.allocUnsafeSlow(wanted);
  }

  /** Fast path: a record of one fragment that lies in the chunk entirely, and has no bulk, is handed on without a copy. */
  private wholeInChunk(chunk: Uint8Array, at: number): number {
    const end = at + this.fragmentLeft;
    if (
      !this.lastFragment ||
      this.discarding ||
      this.recipient?.bulk !== undefined ||
      end > chunk.length ||
      at < 8
    )
      return -1;
    this.finish(chunk.subarray(at - 8, end), undefined);
    return end;
  }

  private body(chunk: Uint8Array, at: number): number {
    if (this.fragmentLeft === 0) return this.nextMark(chunk, at);
    const available = Math.min(this.fragmentLeft, chunk.length - at);
    const taken = this.discarding ? available : this.consume(chunk, at, available);
    this.fragmentLeft -= taken;
    if (this.fragmentLeft === 0) this.endFragment();
    return at + taken;
  }

  private consume(chunk: Uint8Array, at: number, available: number): number {
    if (this.bulk !== undefined) {
      // The caller may use its memory for something else by now.
      if (this.recipient?.settled === false)
        this.bulk.set(chunk.subarray(at, at + available), this.bulkLength);
      this.bulkLength += available;
      return available;
    }
    const layout = this.recipient?.bulk;
    // Bulk that is spread over several fragments is rare: it is gathered whole and taken apart in `finish`.
    if (layout === undefined || !this.lastFragment || this.fragmented)
      return this.append(chunk, at, available);
    const wanted =
      this.headLength < layout.frontMinimum
        ? layout.frontMinimum
        : layout.headerLength(this.head.subarray(0, this.headLength));
    const taken = this.append(chunk, at, Math.min(available, Math.max(0, wanted - this.headLength)));
    if (
      this.headLength >= layout.frontMinimum &&
      this.headLength >= layout.headerLength(this.head.subarray(0, this.headLength))
    ) {
      const length = this.fragmentLeft - taken;
      if (length > 0) {
        this.bulk = layout.destination(length);
        this.bulkLength = 0;
      }
    }
    return taken;
  }

  private append(source: Uint8Array, at: number, length: number): number {
    const end = this.headLength + length;
    if (end > this.head.length) {
      // Twice as much as before, but no more than the record needs in the end.
      const most = this.lastFragment ? this.headLength + this.fragmentLeft : Number.POSITIVE_INFINITY;
      const larger = Buffer.allocUnsafeSlow(Math.max(end, Math.min(this.head.length * 2, most)));
      this.head.copy(larger, 0, 0, this.headLength);
      this.head = larger;
    }
    this.head.set(source.subarray(at, at + length), this.headLength);
    this.headLength = end;
    return length;
  }

  private endFragment(): void {
    if (!this.lastFragment) {
      this.prefixLength = 0;
      return;
    }
    this.finish(this.head.subarray(0, this.headLength), this.bulk);
  }

  private nextMark(chunk: Uint8Array, at: number): number {
    const taken = Math.min(4 - this.prefixLength, chunk.length - at);
    for (let index = 0; index < taken; index++) this.prefix[this.prefixLength + index] = chunk[at + index]!;
    this.prefixLength += taken;
    if (this.prefixLength < 4) return at + taken;
    const mark = this.prefix.readUInt32BE(0);
    this.fragmented = true;
    this.lastFragment = mark >= LAST;
    this.fragmentLeft = this.lastFragment ? mark - LAST : mark;
    this.checkLimit(this.headLength + this.fragmentLeft);
    if (this.fragmentLeft === 0) this.endFragment();
    return at + taken;
  }

  private checkLimit(length: number): void {
    if (this.recipient !== undefined && length > this.recipient.limit) {
      throw new GlfsError(
        'EPROTO',
        `RPC: a record of ${length} bytes exceeds the limit of ${this.recipient.limit}`,
      );
    }
  }

  private finish(record: Uint8Array, bulk: Uint8Array | undefined): void {
    const { xid, messageType, discarding, recipient } = this;
    this.inRecord = false;
    this.prefixLength = 0;
    this.recipient = undefined;
    this.bulk = undefined;
    if (discarding) return;
    const layout = recipient?.bulk;
    if (layout === undefined || bulk !== undefined || record.length < layout.frontMinimum) {
      this.handler.record(xid, messageType, record, bulk);
    } else {
      const header = Math.min(layout.headerLength(record), record.length);
      const destination = layout.destination(record.length - header);
      destination.set(record.subarray(header));
      this.handler.record(xid, messageType, record.subarray(0, header), destination);
    }
    const handedOver = recipient?.kept === true && record.buffer === this.head.buffer;
    if (handedOver || this.head.length > 1 << 20) this.head = Buffer.allocUnsafeSlow(1024);
  }
}

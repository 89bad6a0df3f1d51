import { GlfsError } from '../errors.ts';
import { copyBytes } from './bytes.ts';

const TWO_32 = 0x1_0000_0000;
const MAX_HIGH = 0x1f_ffff;

/**
 * Cursor over one XDR message (RFC 4506: big-endian, padded to four bytes). Every read checks the bytes at hand before
 * it touches or allocates anything; what does not fit is a GlfsError EPROTO.
 */
export class XdrReader {
  private readonly view: DataView;
  position: number;

  constructor(
    readonly bytes: Uint8Array,
    start = 0,
    readonly end: number = bytes.length,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Moves past `length` bytes and returns where they start. */
  take(length: number): number {
    const start = this.position;
    if (length < 0 || length > this.end - start) throw truncated(length, this.end - start, start);
    this.position = start + length;
    return start;
  }

  u32(): number {
    return this.view.getUint32(this.take(4));
  }

  i32(): number {
    return this.view.getInt32(this.take(4));
  }

  /** 64 bits unsigned where the protocol guarantees a safe integer; EPROTO where it isn't one. */
  u53(): number {
    const at = this.take(8);
    const high = this.view.getUint32(at);
    if (high > MAX_HIGH) throw new GlfsError('EPROTO', `XDR: 64-bit value at byte ${at} exceeds 2^53`);
    return high * TWO_32 + this.view.getUint32(at + 4);
  }

  /** 64 bits signed where the protocol guarantees a safe integer. */
  i53(): number {
    const at = this.take(8);
    const high = this.view.getInt32(at);
    const value = high * TWO_32 + this.view.getUint32(at + 4);
    if (!Number.isSafeInteger(value)) {
      throw new GlfsError('EPROTO', `XDR: 64-bit value at byte ${at} exceeds 2^53`);
    }
    return value;
  }

  u64(): bigint {
    const at = this.take(8);
    const high = this.view.getUint32(at);
    const low = this.view.getUint32(at + 4);
    return high <= MAX_HIGH ? BigInt(high * TWO_32 + low) : this.view.getBigUint64(at);
  }

  i64(): bigint {
    return this.view.getBigInt64(this.take(8));
  }

  f64(): number {
    return this.view.getFloat64(this.take(8));
  }

  /** A copy of `length` bytes, with XDR padding skipped. */
  fixed(length: number): Uint8Array {
    return copyBytes(this.fixedView(length));
  }

  /** As `fixed`, but a view into the message: valid as long as the message is. */
  fixedView(length: number): Uint8Array {
    const start = this.take(length);
    this.take(padding(length));
    return this.bytes.subarray(start, start + length);
  }

  /** `opaque<max>`: a copy. */
  opaque(max: number): Uint8Array {
    return this.fixed(this.length(max));
  }

  /** As `opaque`, but a view into the message: valid as long as the message is. */
  opaqueView(max: number): Uint8Array {
    return this.fixedView(this.length(max));
  }

  /** A length word, checked against the limit and against the bytes at hand. */
  length(max: number): number {
    const length = this.u32();
    if (length > max) throw new GlfsError('EPROTO', `XDR: length ${length} exceeds the limit of ${max}`);
    if (length > this.end - this.position) throw truncated(length, this.end - this.position, this.position);
    return length;
  }

  /** A count of elements, each of `minimum` bytes at the least. */
  count(max: number, minimum: number): number {
    const count = this.u32();
    if (count > max || count * minimum > this.end - this.position) {
      throw new GlfsError('EPROTO', `XDR: ${count} elements do not fit in ${this.end - this.position} bytes`);
    }
    return count;
  }

  /** Leftovers are errors: a peer that means something else than we do must not go unnoticed. */
  finish(): void {
    if (this.position !== this.end) {
      throw new GlfsError('EPROTO', `XDR: ${this.end - this.position} bytes left over`);
    }
  }
}

export function padding(length: number): number {
  return (4 - (length & 3)) & 3;
}

function truncated(wanted: number, have: number, at: number): GlfsError {
  return new GlfsError('EPROTO', `XDR: ${wanted} bytes wanted at byte ${at}, ${have} there`);
}

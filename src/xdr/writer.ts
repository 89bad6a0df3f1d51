import { GlfsError } from '../errors.ts';
import { padding } from './reader.ts';

const TWO_32 = 0x1_0000_0000;
const MAX_U64 = (1n << 64n) - 1n;
const MIN_I64 = -(1n << 63n);

/** Growing XDR message (RFC 4506). `reset` starts anew in the same memory; `bytes` is a view of what was written. */
export class XdrWriter {
  private buffer: Uint8Array<ArrayBuffer>;
  private view: DataView;
  position = 0;

  constructor(capacity = 512) {
    this.buffer = new Uint8Array(capacity);
    this.view = new DataView(this.buffer.buffer);
  }

  /** A view of what was written since the last reset; valid until the next write or reset. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.position);
  }

  reset(): void {
    this.position = 0;
  }

  private reserve(length: number): number {
    const start = this.position;
    const end = start + length;
    if (end > this.buffer.length) this.grow(end);
    this.position = end;
    return start;
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    larger.set(this.buffer.subarray(0, this.position));
    this.buffer = larger;
    this.view = new DataView(larger.buffer);
  }

  /** 32 bits; the other sign's reading of them is taken too (-1 for 0xffffffff). */
  u32(value: number): void {
    if (value >>> 0 !== value && (value | 0) !== value) throw tooLarge(value, 32);
    const at = this.reserve(4);
    this.view.setUint32(at, value);
  }

  /** As `u32`. */
  i32(value: number): void {
    if ((value | 0) !== value && value >>> 0 !== value) throw tooLarge(value, 32);
    const at = this.reserve(4);
    this.view.setInt32(at, value);
  }

  u53(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new GlfsError('EINVAL', `not an unsigned safe integer: ${value}`);
    }
    const at = this.reserve(8);
    this.view.setUint32(at, Math.floor(value / TWO_32));
    this.view.setUint32(at + 4, value % TWO_32);
  }

  i53(value: number): void {
    if (!Number.isSafeInteger(value)) throw new GlfsError('EINVAL', `not a safe integer: ${value}`);
    const at = this.reserve(8);
    const high = Math.floor(value / TWO_32);
    this.view.setInt32(at, high);
    this.view.setUint32(at + 4, value - high * TWO_32);
  }

  /** 64 bits; the other sign's reading of them is taken too. */
  u64(value: bigint): void {
    if (value > MAX_U64 || value < MIN_I64) throw tooLarge(value, 64);
    const at = this.reserve(8);
    this.view.setBigUint64(at, value);
  }

  /** As `u64`. */
  i64(value: bigint): void {
    if (value > MAX_U64 || value < MIN_I64) throw tooLarge(value, 64);
    const at = this.reserve(8);
    this.view.setBigInt64(at, value);
  }

  f64(value: number): void {
    const at = this.reserve(8);
    this.view.setFloat64(at, value);
  }

  /** Bytes of a fixed length, padded with zeros. */
  fixed(value: Uint8Array, length: number): void {
    if (value.length !== length) {
      throw new GlfsError('EINVAL', `${length} bytes expected, ${value.length} given`);
    }
    this.raw(value);
    this.pad(length);
  }

  /** `opaque<max>`. */
  opaque(value: Uint8Array, max: number): void {
    if (value.length > max) {
      throw new GlfsError('EINVAL', `${value.length} bytes exceed the limit of ${max}`);
    }
    this.u32(value.length);
    this.raw(value);
    this.pad(value.length);
  }

  raw(value: Uint8Array): void {
    const at = this.reserve(value.length);
    this.buffer.set(value, at);
  }

  private pad(length: number): void {
    for (let missing = padding(length); missing > 0; missing--) {
      const at = this.reserve(1);
      this.buffer[at] = 0;
    }
  }

  /** Writes a word at a place already passed, e.g. a size that is known only afterwards. */
  patchU32(at: number, value: number): void {
    this.view.setUint32(at, value);
  }
}

/** Silently cut, a size would become another one: 4 GiB would be written as 0 bytes. */
function tooLarge(value: number | bigint, bits: number): GlfsError {
  return new GlfsError('EINVAL', `not an integer of ${bits} bits: ${value}`);
}

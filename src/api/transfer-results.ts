import type { Iatt } from '../protocol/iatt.ts';
import { Stats } from './stats.ts';
import type { Read, Written } from './transfer.ts';
import type { ReadResult, WriteResult } from './types.ts';

/*
 * What reads and writes resolve to. Attributes come with every reply, but few callers look at them: they are turned into
 * Stats when somebody does.
 */

class LazyReadResult implements ReadResult {
  constructor(
    readonly bytesRead: number,
    readonly buffer: Uint8Array,
    readonly eof: boolean,
    private readonly iatt: Iatt | undefined,
    private readonly device: number,
  ) {}

  get stats(): Stats | undefined {
    return statsOf(this.iatt, this.device);
  }
}

class LazyWriteResult implements WriteResult {
  constructor(
    readonly bytesWritten: number,
    private readonly written: Written,
    private readonly device: number,
  ) {}

  get before(): Stats | undefined {
    return statsOf(this.written.prestat, this.device);
  }

  get after(): Stats | undefined {
    return statsOf(this.written.poststat, this.device);
  }
}

function statsOf(iatt: Iatt | undefined, device: number): Stats | undefined {
  return iatt === undefined ? undefined : new Stats(iatt, device);
}

export function readResult(got: Read, device: number, into: Uint8Array | undefined): ReadResult {
  return new LazyReadResult(got.data.length, into ?? asBuffer(got.data), got.eof, got.stat, device);
}

export function writeResult(written: Written, size: number, device: number): WriteResult {
  return new LazyWriteResult(size, written, device);
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Spreads bytes over buffers, in order. */
export function scatter(data: Uint8Array, buffers: readonly Uint8Array[]): void {
  let at = 0;
  for (const buffer of buffers) {
    if (at >= data.length) return;
    buffer.set(data.subarray(at, at + buffer.length));
    at += buffer.length;
  }
}

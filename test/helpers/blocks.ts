import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** Bytes of a numbered block. */
export const blockSize = 4096;

const magic = 0x474c4642; // GLFB
const headerSize = 32;

/**
 * Layout, big-endian: magic u32, file u32, block u64, generation u64, zero u32, CRC-32 u32 of the block with this
 * word as zero; then bytes that follow from file, block and generation.
 */
function fill(target: Buffer, file: number, block: number, generation: number): void {
  target.writeUInt32BE(magic, 0);
  target.writeUInt32BE(file, 4);
  target.writeBigUInt64BE(BigInt(block), 8);
  target.writeBigUInt64BE(BigInt(generation), 16);
  target.writeBigUInt64BE(0n, 24);
  let state =
    (Math.imul(file, 0x9e3779b1) ^ Math.imul(block, 0x85ebca6b) ^ Math.imul(generation, 0xc2b2ae35)) | 1;
  for (let at = headerSize; at < blockSize; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    target.writeInt32LE(state | 0, at);
  }
  target.writeUInt32BE(crc32(target.subarray(0, blockSize)), 28);
}

/** A fresh numbered block. Generation 0 stands for "never written": all zeroes. */
export function makeBlock(file: number, block: number, generation: number): Buffer {
  const target = Buffer.alloc(blockSize);
  if (generation > 0) fill(target, file, block, generation);
  return target;
}

/** What a block turned out to be. */
export interface BlockReading {
  /** Generation found, 0 for a hole or zeroes. */
  generation: number;
  /** What is wrong with it: torn, foreign, in the wrong place; undefined when it is whole. */
  fault?: string;
}

/** Reads a block back: is it whole, is it this file's and this place's, and which generation is it? */
export function readBlock(bytes: Uint8Array, file: number, block: number): BlockReading {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length !== blockSize)
    return { generation: 0, fault: `${data.length} bytes instead of ${blockSize}` };
  if (data.readUInt32BE(0) === 0 && data.every((byte) => byte === 0)) return { generation: 0 };
  if (data.readUInt32BE(0) !== magic) return { generation: 0, fault: 'no block header' };
  const generation = Number(data.readBigUInt64BE(16));
  const copy = Buffer.from(data);
  copy.writeUInt32BE(0, 28);
  if (crc32(copy) !== data.readUInt32BE(28)) return { generation, fault: 'torn: wrong checksum' };
  if (data.readUInt32BE(4) !== file) return { generation, fault: `belongs to file ${data.readUInt32BE(4)}` };
  const place = Number(data.readBigUInt64BE(8));
  if (place !== block) return { generation, fault: `belongs to block ${place}` };
  return { generation };
}

/** A block that is not what it may be. */
export interface Violation {
  block: number;
  found: BlockReading;
  /** Generations that would have been right. */
  allowed: number[];
}

/** Acknowledged generation of a block and the later ones whose outcome is open. */
interface BlockHistory {
  acknowledged: number;
  open: Set<number>;
}

/**
 * Judges what a client under test left in a file. Every write of a block gets a generation of its own. After
 * `acknowledge` nothing older may be found; a write whose outcome is unknown may or may not be found until a later
 * one of the same block was acknowledged; `refuse` says that a write was certainly not made.
 */
export class BlockOracle {
  /** Number that all blocks of the file bear. */
  readonly file: number;
  private readonly history = new Map<number, BlockHistory>();
  private generation = 0;

  constructor(file: number) {
    this.file = file;
  }

  /** Number of blocks up to the last one that was ever issued. */
  get length(): number {
    return Math.max(-1, ...this.history.keys()) + 1;
  }

  /** A block to be written now. */
  issue(block: number): { block: number; generation: number; offset: number; data: Buffer } {
    const generation = ++this.generation;
    this.of(block).open.add(generation);
    return { block, generation, offset: block * blockSize, data: makeBlock(this.file, block, generation) };
  }

  /** The write was answered with success. */
  acknowledge(block: number, generation: number): void {
    const history = this.of(block);
    history.acknowledged = Math.max(history.acknowledged, generation);
    for (const open of history.open) if (open <= history.acknowledged) history.open.delete(open);
  }

  /** The write certainly did not happen. Without a word on it, its outcome counts as unknown. */
  refuse(block: number, generation: number): void {
    this.of(block).open.delete(generation);
  }

  /** Generations that the block may hold now. */
  allowed(block: number): number[] {
    const history = this.history.get(block);
    return history ? [history.acknowledged, ...history.open] : [0];
  }

  /** Judges one block as it was read by someone. */
  judge(block: number, bytes: Uint8Array): Violation | undefined {
    const found = readBlock(bytes, this.file, block);
    const allowed = this.allowed(block);
    return found.fault || !allowed.includes(found.generation) ? { block, found, allowed } : undefined;
  }

  /** Reads the whole file through a path, normally on a FUSE mount, and returns all violations. */
  async verify(path: string): Promise<Violation[]> {
    const handle = await open(path, 'r');
    try {
      return await this.verifyHandle(handle);
    } finally {
      await handle.close();
    }
  }

  private async verifyHandle(handle: FileHandle): Promise<Violation[]> {
    const violations: Violation[] = [];
    const perRead = 64;
    const chunk = Buffer.alloc(perRead * blockSize);
    const { length } = this;
    for (let first = 0; first < length; first += perRead) {
      let got = 0;
      while (got < chunk.length) {
        const { bytesRead } = await handle.read(chunk, got, chunk.length - got, first * blockSize + got);
        if (bytesRead === 0) break;
        got += bytesRead;
      }
      for (let block = first; block < Math.min(length, first + perRead); block++) {
        const at = (block - first) * blockSize;
        const bytes = chunk.subarray(at, Math.max(at, Math.min(got, at + blockSize)));
        // Past the end of the file: fine where nothing needs to have been written.
        if (bytes.length === 0 && this.allowed(block).includes(0)) continue;
        const violation = this.judge(block, bytes);
        if (violation) violations.push(violation);
      }
    }
    return violations;
  }

  private of(block: number): BlockHistory {
    let history = this.history.get(block);
    if (!history) {
      history = { acknowledged: 0, open: new Set() };
      this.history.set(block, history);
    }
    return history;
  }
}

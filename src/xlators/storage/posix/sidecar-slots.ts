import { closeSync, constants, openSync, renameSync, writeSync } from 'node:fs';
import { crc32c } from '../../../checksum/index.ts';
import { readQuietly } from './quiet-read.ts';

/*
 * A small file that is replaced whole, again and again, and survives a crash at any point. Renaming a new file over it would do,
 * but costs a millisecond on ext4 (the new file's blocks are allocated at once, inodes that were just freed are passed over);
 * writing in place costs microseconds. So the file has two slots of half its size, written in turn:
 *   u32 sequence, length, CRC-32C of what follows and of the two before; then `length` bytes
 * and what counts is the slot whose checksum is right, of two the one with the later sequence. Little-endian.
 */
const HEADER = 12;
const SMALLEST = 1024;

/** Where the next value goes. */
export interface Slots {
  readonly sequence: number;
  /** Bytes of a slot. */
  readonly capacity: number;
}

export interface SlotValue extends Slots {
  readonly bytes: Buffer;
}

function checksum(header: Buffer, bytes: Uint8Array): number {
  return crc32c(bytes, crc32c(header.subarray(0, 8), 0));
}

function slotAt(file: Buffer, index: number, capacity: number): SlotValue | undefined {
  const slot = file.subarray(index * capacity, (index + 1) * capacity);
  if (slot.length < HEADER) return undefined;
  const length = slot.readUInt32LE(4);
  const bytes = slot.subarray(HEADER, HEADER + length);
  if (length === 0 || bytes.length < length || checksum(slot, bytes) !== slot.readUInt32LE(8))
    return undefined;
  return { sequence: slot.readUInt32LE(0), capacity, bytes };
}

/** The value that the file holds; `undefined` where it has none yet. Throws the host's errors. */
export function readSlots(path: string): SlotValue | undefined {
  const file = readQuietly(path);
  const capacity = file.length >>> 1;
  const [first, second] = [slotAt(file, 0, capacity), slotAt(file, 1, capacity)];
  if (first === undefined || second === undefined) return first ?? second;
  // Sequences wrap around.
  return ((second.sequence - first.sequence) | 0) > 0 ? second : first;
}

/**
 * Writes a value: `before` is where the last one went, absent for a file that is not there yet or worth nothing. Throws the
 * host's errors; the old value stays then.
 */
export function writeSlots(path: string, bytes: Uint8Array, before: Slots | undefined): Slots {
  const sequence = ((before?.sequence ?? 0) + 1) >>> 0;
  const header = Buffer.alloc(HEADER);
  header.writeUInt32LE(sequence, 0);
  header.writeUInt32LE(bytes.length, 4);
  header.writeUInt32LE(checksum(header, bytes), 8);
  const slot = Buffer.concat([header, bytes]);
  if (before !== undefined && slot.length <= before.capacity) {
    writeAt(path, constants.O_WRONLY, slot, (sequence & 1) * before.capacity);
    return { sequence, capacity: before.capacity };
  }
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(SMALLEST, slot.length * 2)));
  const file = Buffer.alloc(capacity * 2);
  slot.copy(file, (sequence & 1) * capacity);
  const target = before === undefined ? path : `${path}.new`;
  writeAt(target, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, file, 0);
  if (target !== path) renameSync(target, path);
  return { sequence, capacity };
}

function writeAt(path: string, flags: number, bytes: Buffer, offset: number): void {
  const descriptor = openSync(path, flags, 0o600);
  try {
    for (let done = 0; done < bytes.length; )
      done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done);
  } finally {
    closeSync(descriptor);
  }
}

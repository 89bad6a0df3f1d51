import { GlfsError } from '../../../../errors.ts';
import { CHUNK } from '../../../../gf8/index.ts';
import { Dict } from '../../../../protocol/dict.ts';

/* Attributes in which each brick keeps how far its fragment is. Numbers are big-endian, 64 bits each. */
export const VERSION = 'trusted.ec.version';
export const SIZE = 'trusted.ec.size';
export const DIRTY = 'trusted.ec.dirty';
export const CONFIG = 'trusted.ec.config';

/** One number for changes of data (a directory's names are its data) and one for changes of attributes. */
export type Pair = readonly [data: bigint, metadata: bigint];

export const ZEROS: Pair = [0n, 0n];

/** Bit of the version of data that says: this fragment is being healed. */
export const HEALING = 1n << 62n;

const BYTES = 8;
const WORD = 0xffff_ffff_ffff_ffffn;

/** Numbers as a brick adds them: a negative one takes away. */
export function encodeNumbers(...values: readonly bigint[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * BYTES);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64BE(value & WORD, index * BYTES);
  return bytes;
}

/** @throws GlfsError EINVAL for what is no number; undefined where there is none */
export function decodeNumber(bytes: Uint8Array | undefined): bigint | undefined {
  if (bytes === undefined) return undefined;
  if (bytes.length !== BYTES) throw malformed(bytes.length);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readBigUInt64BE(0);
}

/** A single number, as GlusterFS before 3.6 wrote, stands for both. @throws GlfsError EINVAL */
export function decodePair(bytes: Uint8Array | undefined): Pair | undefined {
  if (bytes === undefined) return undefined;
  if (bytes.length !== BYTES && bytes.length !== 2 * BYTES) throw malformed(bytes.length);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return [view.readBigUInt64BE(0), view.readBigUInt64BE(bytes.length - BYTES)];
}

function malformed(length: number): GlfsError {
  return new GlfsError('EINVAL', `a counter of ${length} bytes`);
}

export function isHealing([data]: Pair): boolean {
  return (data & HEALING) !== 0n;
}

/* Layout of trusted.ec.config from the highest byte: version, algorithm, bits of a word, bricks, redundancy, and three bytes
   for the size of a chunk. */
const CONFIG_VERSION = 0n;
const ALGORITHM = 0n;
const WORD_BITS = 8n;

export interface Geometry {
  readonly children: readonly unknown[];
  readonly redundancy: number;
}

/** What trusted.ec.config holds in a volume of that geometry. */
export function configOf({ children, redundancy }: Geometry): bigint {
  const fields = [CONFIG_VERSION, ALGORITHM, WORD_BITS, BigInt(children.length), BigInt(redundancy)];
  return (fields.reduce((value, field) => (value << 8n) | field, 0n) << 24n) | BigInt(CHUNK);
}

/** The geometry that trusted.ec.config tells of; undefined for what is none of this layout. */
export function geometryOf(
  config: Uint8Array | undefined,
): { readonly bricks: number; readonly redundancy: number } | undefined {
  if (config?.length !== BYTES) return undefined;
  const [bricks, redundancy] = [config[3]!, config[4]!];
  const children = Array.from({ length: bricks });
  return decodeNumber(config) === configOf({ children, redundancy }) ? { bricks, redundancy } : undefined;
}

/** What a new regular file gets at its making. */
export function initialCounters(geometry: Geometry): Dict {
  return new Dict()
    .setBytes(CONFIG, encodeNumbers(configOf(geometry)))
    .setBytes(VERSION, encodeNumbers(...ZEROS))
    .setBytes(SIZE, encodeNumbers(0n));
}

/** What a brick has told of a file's counters. */
export interface Counters {
  readonly version?: Pair;
  readonly size?: bigint;
  readonly dirty?: Pair;
  /** 0 where there is none. */
  readonly config?: bigint;
}

/** @throws GlfsError EINVAL for counters that are none */
export function readCounters(dict: Dict): Counters {
  return {
    version: decodePair(dict.bytes(VERSION)),
    size: decodeNumber(dict.bytes(SIZE)),
    dirty: decodePair(dict.bytes(DIRTY)),
    config: decodeNumber(dict.bytes(CONFIG)),
  };
}

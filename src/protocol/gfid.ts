import { GlfsError } from '../errors.ts';
import { fixed } from '../xdr/index.ts';

/** A file's identity in the volume: 16 bytes inside the stack, a UUID string outside. */
export type Gfid = Uint8Array;

export const gfidSchema = fixed(16);

/** All zeros: "no gfid known". */
export const NULL_GFID: Gfid = new Uint8Array(16);

/** The root directory of every volume: 00000000-0000-0000-0000-000000000001. */
export const ROOT_GFID: Gfid = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

const DIGITS = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function gfidToString(gfid: Gfid): string {
  const hex = Buffer.from(gfid.buffer, gfid.byteOffset, gfid.length).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** @throws GlfsError EINVAL where the text is not a UUID. */
export function gfidFromString(text: string): Gfid {
  if (!DIGITS.test(text)) throw new GlfsError('EINVAL', `not a gfid: '${text}'`);
  return new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex'));
}

/** A random (version 4) UUID. */
export function newGfid(): Gfid {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}

export function gfidEquals(a: Gfid, b: Gfid): boolean {
  for (let index = 0; index < 16; index++) if (a[index] !== b[index]) return false;
  return true;
}

export function isNullGfid(gfid: Gfid): boolean {
  return gfidEquals(gfid, NULL_GFID);
}

/** Short string of 16 UTF-16 units, for use as a Map key only. */
export function gfidKey(gfid: Gfid): string {
  return Buffer.from(gfid.buffer, gfid.byteOffset, 16).toString('latin1');
}

/** Inode number as GlusterFS shows it: the last eight bytes of the gfid; the root is 1. */
export function gfidToInode(gfid: Gfid): bigint {
  return Buffer.from(gfid.buffer, gfid.byteOffset, 16).readBigUInt64BE(8);
}

import { GlfsError } from '../errors.ts';

/**
 * File names are bytes on the wire and strings in the process. Bytes that are not UTF-8 survive as lone surrogates
 * U+DC80…U+DCFF (Python's PEP 383, "surrogateescape"), so that every name round-trips and equality of strings is
 * equality of bytes.
 */
const SURROGATE = 0xdc00;
/** With the `u` flag only surrogates that are not half of a pair match. */
const LONE_SURROGATE = /\p{Surrogate}/u;

export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  return text.includes('\ufffd') ? decodeEscaping(buffer) : text;
}

/** Units of UTF-16 are written one by one: linear time whatever comes. */
function decodeEscaping(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length);
  let count = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    const first = bytes[at]!;
    if (length <= 1) {
      units[count++] = length === 1 ? first : SURROGATE + first;
      at++;
      continue;
    }
    let point = first & (0xff >> (length + 1));
    for (const end = at + length; ++at < end; ) point = (point << 6) | (bytes[at]! & 0x3f);
    if (point >= 0x10000) units[count++] = 0xd7c0 + (point >> 10);
    units[count++] = point >= 0x10000 ? 0xdc00 + (point & 0x3ff) : point;
  }
  return Buffer.from(units.buffer, 0, count * 2).toString('utf16le');
}

/**
 * Length of the well-formed UTF-8 sequence at `at`, 0 where there is none: Unicode 15, table 3-7. The second byte's range
 * keeps out overlong forms, surrogates and what is above U+10FFFF.
 */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let next = at + 2; next < at + length; next++) if ((bytes[next]! & 0xc0) !== 0x80) return 0;
  return length;
}

/**
 * @throws GlfsError EILSEQ where the text has a surrogate that stands for no byte: two names must not become one.
 */
export function encodeText(text: string): Uint8Array {
  // The regular expression runs only where a surrogate may be.
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length === text.length || !LONE_SURROGATE.test(text)) return bytes;
  return encodeEscaping(text);
}

function encodeEscaping(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(text.length * 3);
  let length = 0;
  let run = 0;
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at)!;
    if (point > 0xffff) at++;
    if (point < 0xd800 || point > 0xdfff) continue;
    const byte = point - SURROGATE;
    if (byte < 0x80 || byte > 0xff) throw new GlfsError('EILSEQ', 'text with a surrogate that is no byte');
    if (at > run) length += bytes.write(text.slice(run, at), length);
    bytes[length++] = byte;
    run = at + 1;
  }
  length += bytes.write(text.slice(run), length);
  return bytes.subarray(0, length);
}

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

/** Runs of well-formed bytes are decoded at once, bytes between them one by one: linear time whatever comes. */
function decodeEscaping(bytes: Buffer): string {
  const parts: string[] = [];
  let run = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > run) parts.push(bytes.toString('utf8', run, at));
    parts.push(String.fromCharCode(SURROGATE + bytes[at]!));
    run = ++at;
  }
  if (at > run) parts.push(bytes.toString('utf8', run, at));
  return parts.join('');
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

const LONE_SURROGATES = /(\p{Surrogate}+)/u;

function encodeEscaping(text: string): Uint8Array {
  // Every second part is a run of lone surrogates.
  const parts = text.split(LONE_SURROGATES).map((part, index) => {
    if (index % 2 === 0) return Buffer.from(part, 'utf8');
    return Uint8Array.from(part, (character) => {
      const byte = character.charCodeAt(0) - SURROGATE;
      if (byte < 0x80 || byte > 0xff) throw new GlfsError('EILSEQ', 'text with a surrogate that is no byte');
      return byte;
    });
  });
  return Buffer.concat(parts);
}

/**
 * File names are bytes on the wire and strings in the process. Bytes that are not UTF-8 survive as lone surrogates
 * U+DC80…U+DCFF (Python's PEP 383, "surrogateescape"), so that every name round-trips and equality of strings is
 * equality of bytes.
 */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const SURROGATE = 0xdc00;

export function decodeText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.includes('\ufffd') ? decodeEscaping(bytes) : text;
}

function decodeEscaping(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) text += decoder.decode(bytes.subarray(at, at + length));
    else text += String.fromCharCode(SURROGATE + bytes[at]!);
    at += Math.max(length, 1);
  }
  return text;
}

/** Length of the well-formed UTF-8 sequence at `at`, 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0
      ? 2
      : first >= 0xe0 && first < 0xf0
        ? 3
        : first >= 0xf0 && first < 0xf5
          ? 4
          : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    decoder.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

const WELL_FORMED = /^(?:[^\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])*$/;

export function encodeText(text: string): Uint8Array {
  // Buffer.byteLength and write are fast; the regular expression runs only where a surrogate may be.
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length === text.length || WELL_FORMED.test(text)) return bytes;
  return encodeEscaping(text);
}

function encodeEscaping(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const character of text) {
    const unit = character.charCodeAt(0);
    const escaped = character.length === 1 && unit >= SURROGATE + 0x80 && unit <= SURROGATE + 0xff;
    parts.push(escaped ? Uint8Array.of(unit - SURROGATE) : Buffer.from(character, 'utf8'));
  }
  return Buffer.concat(parts);
}

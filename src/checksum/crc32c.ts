/** Castagnoli's polynomial, lowest bit first. */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** At [k * 256 + byte]: the register of that byte with k zero bytes behind it. */
const tables = makeTables();

function makeTables(): Int32Array {
  const result = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    result[byte] = crc;
  }
  for (let at = 256; at < result.length; at++) {
    const crc = result[at - 256]!;
    result[at] = result[crc & 0xff]! ^ (crc >>> 8);
  }
  return result;
}

/**
 * CRC-32C (RFC 3720, appendix B.4) over eight bytes at a time. TypeScript's own; `crc32c` takes the fastest there is.
 */
export function crc32cInTypescript(data: Uint8Array, state: number): number {
  const t = tables;
  const whole = data.length - (data.length % SLICES);
  let crc = ~state;
  let at = 0;
  for (; at < whole; at += SLICES) {
    crc ^= data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    crc =
      t[1792 + (crc & 0xff)]! ^
      t[1536 + ((crc >>> 8) & 0xff)]! ^
      t[1280 + ((crc >>> 16) & 0xff)]! ^
      t[1024 + (crc >>> 24)]! ^
      t[768 + data[at + 4]!]! ^
      t[512 + data[at + 5]!]! ^
      t[256 + data[at + 6]!]! ^
      t[data[at + 7]!]!;
  }
  for (; at < data.length; at++) crc = t[(crc ^ data[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

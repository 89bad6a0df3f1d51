const MODULUS = 65521;
/** So many bytes can be summed before the sums need the modulus to stay small integers (below 2^31). */
const CHUNK = 3800;

/**
 * The rolling checksum of RCHECKSUM: Adler-32's two sums, but both from 0 (zlib starts the first one at 1).
 * TypeScript's own; `weakChecksum` takes the fastest there is.
 */
export function weakInTypescript(data: Uint8Array, state: number): number {
  let bytes = state & 0xffff;
  let sums = state >>> 16;
  for (let at = 0; at < data.length; ) {
    const end = Math.min(at + CHUNK, data.length);
    for (; at < end; at++) {
      bytes += data[at]!;
      sums += bytes;
    }
    bytes %= MODULUS;
    sums %= MODULUS;
  }
  return ((sums << 16) | bytes) >>> 0;
}

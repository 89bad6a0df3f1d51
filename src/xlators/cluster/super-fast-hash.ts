/**
 * Paul Hsieh's SuperFastHash of whole 32-bit words, little-endian, as unsigned 32 bits: by it GlusterFS's clients choose which
 * copies or fragments of a file they read.
 */
export function superFastHash(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = bytes.length >>> 0;
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    hash = (hash + view.getUint16(at, true)) >>> 0;
    const mixed = ((view.getUint16(at + 2, true) << 11) ^ hash) >>> 0;
    hash = ((hash << 16) ^ mixed) >>> 0;
    hash = (hash + (hash >>> 11)) >>> 0;
  }
  hash = (hash ^ (hash << 3)) >>> 0;
  hash = (hash + (hash >>> 5)) >>> 0;
  hash = (hash ^ (hash << 4)) >>> 0;
  hash = (hash + (hash >>> 17)) >>> 0;
  hash = (hash ^ (hash << 25)) >>> 0;
  return (hash + (hash >>> 6)) >>> 0;
}

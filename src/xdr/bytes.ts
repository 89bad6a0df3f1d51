/**
 * A copy of bytes, in memory of its own. Not `bytes.slice()`: a Buffer's slice is a view, and what comes from the wire lies in
 * a receive buffer that is used again at once.
 */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

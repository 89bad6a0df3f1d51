export { copyBytes } from './bytes.ts';
export { padding, XdrReader } from './reader.ts';
export * from './schema.ts';
export { decodeText, encodeText } from './text.ts';
export { XdrWriter } from './writer.ts';

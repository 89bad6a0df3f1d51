import { GlfsError } from '../errors.ts';
import { copyBytes, decodeText, encodeText, type Xdr, XdrReader, XdrWriter } from '../xdr/index.ts';
import { Dict, type DictEntry } from './dict.ts';

/*
 * The older serialization, inside one XDR opaque (handshakes, and all of the 3.3 program):
 * u32 count, count x { u32 keylen (without NUL), u32 vallen, key, NUL, value }, nothing padded, all big-endian.
 * Values have no type: numbers are decimal text, text and numbers carry their NUL (without it, servers' string
 * compares fail), everything else is bytes.
 */
const MAX_PAIRS = 4096;
const MAX_BYTES = 16 * 1024 * 1024;

/** @throws GlfsError EPROTO on anything that does not fit together to the byte. */
export function parseSerializedDict(bytes: Uint8Array): Dict {
  const dict = new Dict();
  if (bytes.length === 0) return dict;
  const reader = new XdrReader(bytes);
  const count = reader.count(MAX_PAIRS, 9);
  for (let index = 0; index < count; index++) {
    const keyLength = reader.u32();
    const valueLength = reader.u32();
    const key = bytes.subarray(reader.take(keyLength), reader.position);
    if (bytes[reader.take(1)] !== 0) throw new GlfsError('EPROTO', 'dict: key is not terminated');
    const at = reader.take(valueLength);
    dict.setBytes(decodeText(key), copyBytes(bytes.subarray(at, at + valueLength)));
  }
  reader.finish();
  return dict;
}

export function serializeDict(dict: Dict): Uint8Array {
  const writer = new XdrWriter(256);
  writer.u32(dict.size);
  for (const [name, entry] of dict) {
    const key = encodeText(name);
    const value = serializedValue(entry);
    writer.u32(key.length);
    writer.u32(value.length);
    writer.raw(key);
    writer.raw(Uint8Array.of(0));
    writer.raw(value);
  }
  return writer.bytes;
}

function serializedValue(entry: DictEntry): Uint8Array {
  switch (entry.type) {
    case 'bytes':
    case 'gfuuid':
      return entry.value;
    case 'str':
    case 'int':
    case 'uint':
    case 'double':
      return encodeText(`${entry.value}\0`);
    default:
      throw new GlfsError('EOPNOTSUPP', `the 3.3 protocol has no dict value of type ${entry.type}`);
  }
}

/** `opaque<>` with a serialized dict; empty bytes are the NULL dict. */
export const serializedDictSchema: Xdr<Dict | undefined> = {
  minimum: 4,
  encode: (writer, dict) =>
    writer.opaque(dict === undefined ? new Uint8Array(0) : serializeDict(dict), MAX_BYTES),
  decode: (reader) => {
    const bytes = reader.opaqueView(MAX_BYTES);
    return bytes.length === 0 ? undefined : parseSerializedDict(bytes);
  },
};

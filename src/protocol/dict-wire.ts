import { GlfsError } from '../errors.ts';
import { decodeText, encodeText, type Xdr, type XdrReader, type XdrWriter } from '../xdr/index.ts';
import { Dict, type DictEntry, entryBytes } from './dict.ts';
import { iattSchema } from './iatt.ts';

/*
 * gfx_dict: u32 xdr_size (bytes after these first 12), i32 count (-1: no dict at all), u32 npairs,
 * npairs x { opaque key<> (length counts the terminating NUL), i32 type, value }.
 */
interface ValueCodec {
  type: DictEntry['type'];
  encode(writer: XdrWriter, entry: DictEntry): void;
  decode(reader: XdrReader): DictEntry;
}

const MAX_PAIRS = 4096;
const MAX_KEY = 4096;
/** Attributes of directories that glusterd and bricks assemble (pathinfo of a thousand bricks) stay far below. */
const MAX_VALUE = 16 * 1024 * 1024;
const NO_DICT = -1;

const STR: ValueCodec = {
  type: 'str',
  encode: (writer, entry) => {
    const text = encodeText(entry.value as string);
    const terminated = new Uint8Array(text.length + 1);
    terminated.set(text);
    writer.opaque(terminated, MAX_VALUE);
  },
  decode: (reader) => {
    const bytes = reader.opaqueView(MAX_VALUE);
    const end = bytes.length > 0 && bytes[bytes.length - 1] === 0 ? bytes.length - 1 : bytes.length;
    return { type: 'str', value: decodeText(bytes.subarray(0, end)) };
  },
};

/** By gf_dict_data_type_t, 1 to 9. */
const codecs: readonly (ValueCodec | undefined)[] = [
  undefined,
  { ...STR },
  {
    type: 'int',
    encode: (writer, entry) => writer.i64(entry.value as bigint),
    decode: (reader) => ({ type: 'int', value: reader.i64() }),
  },
  {
    type: 'uint',
    encode: (writer, entry) => writer.u64(entry.value as bigint),
    decode: (reader) => ({ type: 'uint', value: reader.u64() }),
  },
  {
    type: 'double',
    encode: (writer, entry) => writer.f64(entry.value as number),
    decode: (reader) => ({ type: 'double', value: reader.f64() }),
  },
  STR,
  {
    type: 'bytes',
    encode: (writer, entry) => writer.opaque(entryBytes(entry), MAX_VALUE),
    decode: (reader) => ({ type: 'bytes', value: reader.opaque(MAX_VALUE) }),
  },
  {
    type: 'gfuuid',
    encode: (writer, entry) => writer.fixed(entryBytes(entry), 16),
    decode: (reader) => ({ type: 'gfuuid', value: reader.fixed(16) }),
  },
  {
    type: 'iatt',
    encode: (writer, entry) => {
      if (entry.type === 'iatt') iattSchema.encode(writer, entry.value);
    },
    decode: (reader) => ({ type: 'iatt', value: iattSchema.decode(reader) }),
  },
  {
    type: 'mdata',
    encode: (writer, entry) => {
      if (entry.type !== 'mdata') return;
      const { atime, mtime, ctime, atimeNsec, mtimeNsec, ctimeNsec } = entry.value;
      for (const seconds of [atime, mtime, ctime]) writer.i64(seconds);
      for (const nanoseconds of [atimeNsec, mtimeNsec, ctimeNsec]) writer.u32(nanoseconds);
    },
    decode: (reader) => {
      const [atime, mtime, ctime] = [reader.i64(), reader.i64(), reader.i64()];
      const [atimeNsec, mtimeNsec, ctimeNsec] = [reader.u32(), reader.u32(), reader.u32()];
      return { type: 'mdata', value: { atime, mtime, ctime, atimeNsec, mtimeNsec, ctimeNsec } };
    },
  },
];

const numberOfType = new Map(codecs.map((codec, number) => [codec?.type, number]));

/** `gfx_dict` of the version 4 program; `undefined` is the NULL dict. */
export const dictSchema: Xdr<Dict | undefined> = {
  minimum: 12,
  encode(writer, dict) {
    const start = writer.position;
    writer.u32(0);
    writer.i32(dict === undefined ? NO_DICT : dict.size);
    writer.u32(dict === undefined ? 0 : dict.size);
    if (dict === undefined || dict.size === 0) return;
    for (const [name, entry] of dict) {
      const key = encodeText(name);
      const terminated = new Uint8Array(key.length + 1);
      terminated.set(key);
      writer.opaque(terminated, MAX_KEY);
      const number = numberOfType.get(entry.type)!;
      writer.i32(number);
      codecs[number]!.encode(writer, entry);
    }
    // The brick takes a wrong size for garbage where payload follows.
    writer.patchU32(start, writer.position - start - 12);
  },
  decode(reader) {
    const size = reader.u32();
    const count = reader.i32();
    const start = reader.position + 4;
    const pairs = reader.count(MAX_PAIRS, 12);
    if (count === NO_DICT && pairs === 0 && size === 0) return undefined;
    const dict = new Dict();
    for (let index = 0; index < pairs; index++) {
      const key = reader.opaqueView(MAX_KEY);
      const end = key.length > 0 && key[key.length - 1] === 0 ? key.length - 1 : key.length;
      const name = decodeText(key.subarray(0, end));
      const type = reader.i32();
      const codec = codecs[type];
      if (codec === undefined) throw new GlfsError('EPROTO', `dict: '${name}' has the unknown type ${type}`);
      dict.setEntry(name, codec.decode(reader));
    }
    if (reader.position - start !== size) {
      throw new GlfsError(
        'EPROTO',
        `dict: ${reader.position - start} bytes of pairs where ${size} were announced`,
      );
    }
    return dict;
  },
};

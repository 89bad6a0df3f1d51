import { GlfsError } from '../errors.ts';
import type { XdrReader } from './reader.ts';
import { decodeText, encodeText } from './text.ts';
import type { XdrWriter } from './writer.ts';

/** One type of the XDR language: how a `T` is written and read. `minimum` is the least number of bytes it takes. */
export interface Xdr<T> {
  readonly minimum: number;
  encode(writer: XdrWriter, value: T): void;
  decode(reader: XdrReader): T;
}

/** The TypeScript type of a schema. */
export type Infer<S> = S extends Xdr<infer T> ? T : never;

type Fields = Record<string, Xdr<unknown>>;
type InferFields<F> = { [K in keyof F]: Infer<F[K]> };

export const u32: Xdr<number> = {
  minimum: 4,
  encode: (writer, value) => writer.u32(value),
  decode: (reader) => reader.u32(),
};
export const i32: Xdr<number> = {
  minimum: 4,
  encode: (writer, value) => writer.i32(value),
  decode: (reader) => reader.i32(),
};
/** Unsigned 64 bits that are guaranteed, and checked, to be a safe integer. */
export const u53: Xdr<number> = {
  minimum: 8,
  encode: (writer, value) => writer.u53(value),
  decode: (reader) => reader.u53(),
};
/** Signed 64 bits that are guaranteed, and checked, to be a safe integer. */
export const i53: Xdr<number> = {
  minimum: 8,
  encode: (writer, value) => writer.i53(value),
  decode: (reader) => reader.i53(),
};
export const u64: Xdr<bigint> = {
  minimum: 8,
  encode: (writer, value) => writer.u64(value),
  decode: (reader) => reader.u64(),
};
export const i64: Xdr<bigint> = {
  minimum: 8,
  encode: (writer, value) => writer.i64(value),
  decode: (reader) => reader.i64(),
};
export const f64: Xdr<number> = {
  minimum: 8,
  encode: (writer, value) => writer.f64(value),
  decode: (reader) => reader.f64(),
};

export function fixed(length: number): Xdr<Uint8Array> {
  return {
    minimum: length,
    encode: (writer, value) => writer.fixed(value, length),
    decode: (reader) => reader.fixed(length),
  };
}

export function opaque(max: number): Xdr<Uint8Array> {
  return {
    minimum: 4,
    encode: (writer, value) => writer.opaque(value, max),
    decode: (reader) => reader.opaque(max),
  };
}

/** Text without NUL on the wire; bytes that are not UTF-8 survive (see text.ts). */
export function string(max: number): Xdr<string> {
  return {
    minimum: 4,
    encode: (writer, value) => {
      if (value.includes('\0')) throw new GlfsError('EINVAL', 'string contains a NUL byte');
      writer.opaque(encodeText(value), max);
    },
    decode: (reader) => decodeText(reader.opaqueView(max)),
  };
}

/** `T<max>`: a counted array. */
export function array<T>(element: Xdr<T>, max: number): Xdr<T[]> {
  return {
    minimum: 4,
    encode: (writer, value) => {
      if (value.length > max) {
        throw new GlfsError('EINVAL', `${value.length} elements exceed the limit of ${max}`);
      }
      writer.u32(value.length);
      for (const item of value) element.encode(writer, item);
    },
    decode: (reader) => {
      const count = reader.count(max, element.minimum);
      const items: T[] = [];
      for (let index = 0; index < count; index++) items.push(element.decode(reader));
      return items;
    },
  };
}

/** A linked list of XDR pointers: {1, element}*, 0. */
export function list<T>(element: Xdr<T>, max: number): Xdr<T[]> {
  return {
    minimum: 4,
    encode: (writer, value) => {
      for (const item of value) {
        writer.u32(1);
        element.encode(writer, item);
      }
      writer.u32(0);
    },
    decode: (reader) => {
      const items: T[] = [];
      while (reader.u32() !== 0) {
        if (items.length >= max) throw new GlfsError('EPROTO', `XDR: list exceeds ${max} elements`);
        items.push(element.decode(reader));
      }
      return items;
    },
  };
}

/**
 * A struct, fields in wire order. Its encoder and decoder are compiled into flat functions at first use, so that the
 * result has one hidden class and no loop over fields; where the host forbids code generation, a loop does the same.
 */
export function struct<F extends Fields>(fields: F): Xdr<InferFields<F>> & { readonly fields: F } {
  let minimum = 0;
  for (const field of Object.values(fields)) minimum += field.minimum;
  type Value = InferFields<F>;
  const schema = {
    fields,
    minimum,
    encode(writer: XdrWriter, value: Value): void {
      schema.encode = compileEncoder(fields) as typeof schema.encode;
      schema.encode(writer, value);
    },
    decode(reader: XdrReader): Value {
      schema.decode = compileDecoder(fields) as typeof schema.decode;
      return schema.decode(reader);
    },
  };
  return schema;
}

type Encode = (writer: XdrWriter, value: Record<string, unknown>) => void;
type Decode = (reader: XdrReader) => Record<string, unknown>;

const inlineCalls = new Map<Xdr<unknown>, string>([
  [u32 as Xdr<unknown>, 'u32'],
  [i32 as Xdr<unknown>, 'i32'],
  [u53 as Xdr<unknown>, 'u53'],
  [i53 as Xdr<unknown>, 'i53'],
  [u64 as Xdr<unknown>, 'u64'],
  [i64 as Xdr<unknown>, 'i64'],
]);

function compileEncoder(fields: Fields): Encode {
  const names = Object.keys(fields);
  const body = names.map((name, index) => {
    const call = inlineCalls.get(fields[name]!);
    const value = `value[${JSON.stringify(name)}]`;
    return call === undefined ? `codecs[${index}].encode(writer, ${value});` : `writer.${call}(${value});`;
  });
  return compile(['writer', 'value'], body.join('\n'), fields, (codecs) => (writer, value) => {
    for (let index = 0; index < names.length; index++) codecs[index]!.encode(writer, value[names[index]!]);
  });
}

function compileDecoder(fields: Fields): Decode {
  const names = Object.keys(fields);
  const members = names.map((name, index) => {
    const call = inlineCalls.get(fields[name]!);
    const value = call === undefined ? `codecs[${index}].decode(reader)` : `reader.${call}()`;
    return `${JSON.stringify(name)}: ${value}`;
  });
  return compile(['reader'], `return {${members.join(',\n')}};`, fields, (codecs) => (reader) => {
    const value: Record<string, unknown> = {};
    for (let index = 0; index < names.length; index++) value[names[index]!] = codecs[index]!.decode(reader);
    return value;
  });
}

function compile<F>(
  parameters: string[],
  body: string,
  fields: Fields,
  interpreted: (codecs: Xdr<unknown>[]) => F,
): F {
  const codecs = Object.values(fields);
  try {
    return new Function('codecs', `return (${parameters.join(',')}) => {${body}}`)(codecs) as F;
  } catch (error) {
    if (error instanceof EvalError) return interpreted(codecs);
    throw error;
  }
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGlfsError } from '../../src/errors.ts';
import {
  array,
  copyBytes,
  f64,
  fixed,
  i32,
  i53,
  i64,
  list,
  opaque,
  string,
  struct,
  u32,
  u53,
  u64,
  type Xdr,
  XdrReader,
  XdrWriter,
} from '../../src/xdr/index.ts';

function encode<T>(schema: Xdr<T>, value: T): Buffer {
  const writer = new XdrWriter(4);
  schema.encode(writer, value);
  return Buffer.from(copyBytes(writer.bytes));
}

function decode<T>(schema: Xdr<T>, bytes: Uint8Array): T {
  const reader = new XdrReader(bytes);
  const value = schema.decode(reader);
  reader.finish();
  return value;
}

const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 32, -(2 ** 32), 2 ** 31),
);
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength, size: 'max' });
/** Text that stands for bytes: whole characters and escaped bytes that don't make up a character. */
const text = fc
  .oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))
  .filter((s) => s.isWellFormed() && !s.includes('\0'));

/** Every kind of schema with what it takes, and the number of bytes that it must become where that is fixed. */
const kinds: [name: string, schema: Xdr<unknown>, values: fc.Arbitrary<unknown>][] = (
  [
    ['u32', u32, fc.integer({ min: 0, max: 0xffffffff })],
    ['i32', i32, fc.integer()],
    ['u53', u53, safe.map(Math.abs)],
    ['i53', i53, safe],
    ['u64', u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
    ['i64', i64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
    ['f64', f64, fc.double()],
    ['fixed', fixed(5), fc.uint8Array({ minLength: 5, maxLength: 5 })],
    ['opaque', opaque(300), bytes(300)],
    ['string', string(10_000), text],
    ['array', array(i53, 50), fc.array(safe, { maxLength: 50 })],
    ['list', list(struct({ a: u32, b: opaque(9) }), 50), fc.array(fc.record({ a: fc.nat(), b: bytes(9) }))],
    [
      'struct',
      struct({
        a: u32,
        b: i64,
        c: struct({ d: fixed(3), e: string(99) }),
        f: array(opaque(3), 3),
        'g-h': f64,
      }),
      fc.record({
        a: fc.nat(),
        b: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        c: fc.record({
          d: fc.uint8Array({ minLength: 3, maxLength: 3 }),
          e: text.filter((s) => s.length < 20),
        }),
        f: fc.array(bytes(3), { maxLength: 3 }),
        'g-h': fc.double(),
      }),
    ],
    ['empty struct', struct({}), fc.constant({})],
  ] as const
).map(([name, schema, values]) => [name, schema as unknown as Xdr<unknown>, values as fc.Arbitrary<unknown>]);

describe.each(kinds)('%s', (_, schema, values) => {
  test('round-trips, in whole words, never below its minimum', () => {
    fc.assert(
      fc.property(values, (value) => {
        const encoded = encode(schema, value);
        expect(encoded.length % 4).toBe(0);
        expect(encoded.length).toBeGreaterThanOrEqual(schema.minimum);
        expect(decode(schema, encoded)).toEqual(value);
      }),
    );
  });

  test('any truncation is EPROTO; leftovers are errors', () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, cut) => {
        const encoded = encode(schema, value);
        if (encoded.length > 0) {
          const short = encoded.subarray(0, cut % encoded.length);
          expect(codeOf(() => decode(schema, short))).toBe('EPROTO');
        }
        expect(codeOf(() => decode(schema, Buffer.concat([encoded, Buffer.alloc(4)])))).toBe('EPROTO');
      }),
    );
  });

  test('decoded values own their memory', () => {
    fc.assert(
      fc.property(values, (value) => {
        const encoded = encode(schema, value);
        const decoded = decode(schema, encoded);
        encoded.fill(0xff);
        expect(decoded).toEqual(value);
      }),
    );
  });
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isGlfsError(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('limits', () => {
  test('lengths are checked before anything is allocated', () => {
    const before = process.memoryUsage().arrayBuffers;
    const lies = Buffer.from('7ffffffc00000000', 'hex');
    for (const schema of [
      opaque(0x7fffffff),
      string(0x7fffffff),
      array(u32, 0x7fffffff),
      array(struct({ a: u64 }), 1e9),
    ]) {
      expect(codeOf(() => decode(schema as Xdr<unknown>, lies))).toBe('EPROTO');
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  test('limits of the schema hold in both directions', () => {
    const long = encode(opaque(11), new Uint8Array(11));
    expect(codeOf(() => decode(opaque(10), long))).toBe('EPROTO');
    expect(codeOf(() => encode(opaque(10), new Uint8Array(11)))).toBe('EINVAL');
    expect(codeOf(() => encode(string(3), 'ä€'))).toBe('EINVAL');
    expect(codeOf(() => encode(string(3), 'a\0b'))).toBe('EINVAL');
    expect(codeOf(() => encode(array(u32, 2), [1, 2, 3]))).toBe('EINVAL');
    expect(codeOf(() => decode(array(u32, 2), encode(array(u32, 3), [1, 2, 3])))).toBe('EPROTO');
    expect(codeOf(() => decode(list(u32, 2), encode(list(u32, 3), [1, 2, 3])))).toBe('EPROTO');
    expect(codeOf(() => encode(fixed(4), new Uint8Array(3)))).toBe('EINVAL');
  });

  test('numbers that do not fit are refused, never cut', () => {
    for (const value of [2 ** 32, -(2 ** 31) - 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(codeOf(() => encode(u32, value))).toBe('EINVAL');
      expect(codeOf(() => encode(i32, value))).toBe('EINVAL');
      expect(codeOf(() => encode(struct({ value: u32 }), { value }))).toBe('EINVAL');
    }
    for (const value of [2 ** 53, -1, 0.1, Number.NaN])
      expect(codeOf(() => encode(u53, value))).toBe('EINVAL');
    for (const value of [2 ** 53, -(2 ** 53), 0.1]) expect(codeOf(() => encode(i53, value))).toBe('EINVAL');
    for (const value of [2n ** 64n, -(2n ** 63n) - 1n]) {
      expect(codeOf(() => encode(u64, value))).toBe('EINVAL');
      expect(codeOf(() => encode(i64, value))).toBe('EINVAL');
    }
    // The other sign's reading of the same bits.
    expect(encode(u32, -1)).toEqual(encode(u32, 0xffffffff));
    expect(encode(i64, 2n ** 64n - 1n)).toEqual(encode(i64, -1n));
  });

  test('64 bits that are no safe integer are EPROTO where one was promised', () => {
    for (const hex of ['0020000000000000', 'ffffffffffffffff']) {
      expect(codeOf(() => decode(u53, Buffer.from(hex, 'hex')))).toBe('EPROTO');
    }
    for (const hex of ['0020000000000000', 'ffe0000000000000', '7fffffffffffffff', '8000000000000000']) {
      expect(codeOf(() => decode(i53, Buffer.from(hex, 'hex')))).toBe('EPROTO');
    }
    expect(decode(u53, Buffer.from('001fffffffffffff', 'hex'))).toBe(Number.MAX_SAFE_INTEGER);
    expect(decode(i53, Buffer.from('ffe0000000000001', 'hex'))).toBe(Number.MIN_SAFE_INTEGER);
    expect(decode(i53, Buffer.from('ffffffffffffffff', 'hex'))).toBe(-1);
  });
});

describe('where code can not be generated', () => {
  test('structs are encoded and decoded by a loop, to the same bytes', () => {
    const fields = { a: u32, b: i64, c: string(10) };
    const value = { a: 1, b: -5n, c: 'x' };
    const compiled = encode(struct(fields), value);
    const original = globalThis.Function;
    globalThis.Function = function refused(): never {
      throw new EvalError('Code generation from strings disallowed for this context');
    } as unknown as FunctionConstructor;
    try {
      const interpreted = struct(fields);
      expect(encode(interpreted, value)).toEqual(compiled);
      expect(decode(interpreted, compiled)).toEqual(value);
    } finally {
      globalThis.Function = original;
    }
  });
});

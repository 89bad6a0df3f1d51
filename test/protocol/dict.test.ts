import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGlfsError } from '../../src/errors.ts';
import { Dict, type DictEntry, entryBytes, entryInteger, entryText } from '../../src/protocol/dict.ts';
import {
  parseSerializedDict,
  serializeDict,
  serializedDictSchema,
} from '../../src/protocol/dict-serialized.ts';
import { dictSchema } from '../../src/protocol/dict-wire.ts';
import { emptyIatt } from '../../src/protocol/iatt.ts';
import { keys } from '../../src/protocol/keys.ts';
import { copyBytes, decodeText, type Xdr, XdrReader, XdrWriter } from '../../src/xdr/index.ts';

const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
/** Any bytes, as text: those that are not UTF-8 included. */
const text = fc.uint8Array().map((bytes) => decodeText(bytes.filter((byte) => byte !== 0)));

const iatt = fc
  .record({
    ino: u64,
    size: fc.maxSafeNat(),
    mtime: i64,
    mode: u32,
    gfid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  })
  .map((some) => ({ ...emptyIatt(), ...some }));
const mdata = fc.record({
  atime: i64,
  mtime: i64,
  ctime: i64,
  atimeNsec: u32,
  mtimeNsec: u32,
  ctimeNsec: u32,
});

const entry = fc.oneof(
  fc.record({ type: fc.constant('int'), value: i64 }),
  fc.record({ type: fc.constant('uint'), value: u64 }),
  fc.record({ type: fc.constant('double'), value: fc.double() }),
  fc.record({ type: fc.constant('str'), value: text }),
  fc.record({ type: fc.constant('bytes'), value: fc.uint8Array() }),
  fc.record({ type: fc.constant('gfuuid'), value: fc.uint8Array({ minLength: 16, maxLength: 16 }) }),
  fc.record({ type: fc.constant('iatt'), value: iatt }),
  fc.record({ type: fc.constant('mdata'), value: mdata }),
) as fc.Arbitrary<DictEntry>;
const entries = fc.array(fc.tuple(text, entry), { maxLength: 12 });

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

describe('gfx_dict', () => {
  test('round-trips with all types; its size word counts what follows', () => {
    fc.assert(
      fc.property(entries, (pairs) => {
        const dict = new Dict(pairs);
        const bytes = encode(dictSchema, dict);
        expect(bytes.readUInt32BE(0)).toBe(bytes.length - 12);
        expect([...decode(dictSchema, bytes)!]).toEqual([...dict]);
      }),
    );
  });

  test('the NULL dict is not the empty one', () => {
    expect(encode(dictSchema, undefined).toString('hex')).toBe('00000000ffffffff00000000');
    expect(encode(dictSchema, new Dict()).toString('hex')).toBe('000000000000000000000000');
    expect(decode(dictSchema, encode(dictSchema, undefined))).toBe(undefined);
    expect(decode(dictSchema, encode(dictSchema, new Dict()))!.size).toBe(0);
  });

  test.each([
    ['a wrong size', '0000001800000001000000010000000261000000000000020000000000000001', /announced/],
    ['an unknown type', '000000140000000100000001000000026100000000000063000000000000', /unknown type 99/],
    ['more pairs than bytes', '00000000000000ff000000ff', /do not fit/],
    ['a key that is cut', '0000000c0000000100000001000000ff61000000', /XDR/],
  ])('%s is EPROTO', (_, hex, words) => {
    const run = (): unknown => decode(dictSchema, Buffer.from(hex, 'hex'));
    expect(run).toThrow(words);
    expect(run).toThrow(expect.objectContaining({ code: 'EPROTO' }));
  });
});

describe('the old serialization', () => {
  /** As it arrives: without types. */
  const untyped = fc.array(fc.tuple(text, fc.uint8Array()), { maxLength: 12 });

  test('bytes round-trip, whatever they are; keys too', () => {
    fc.assert(
      fc.property(untyped, (pairs) => {
        const dict = new Dict();
        for (const [name, value] of pairs) dict.setBytes(name, value);
        const parsed = parseSerializedDict(serializeDict(dict));
        expect([...parsed]).toEqual([...dict]);
        expect([...(decode(serializedDictSchema, encode(serializedDictSchema, dict)) ?? [])]).toEqual([
          ...dict,
        ]);
      }),
    );
  });

  test('numbers and text come back as what they were, by their kind', () => {
    fc.assert(
      fc.property(i64, u64, text, (a, b, c) => {
        const dict = new Dict([
          ['a', { type: 'int', value: a }],
          ['b', { type: 'uint', value: b }],
          ['c', { type: 'str', value: c }],
        ]);
        const parsed = parseSerializedDict(serializeDict(dict));
        expect(entryInteger(parsed.entry('a')!)).toBe(a);
        expect(entryInteger(parsed.entry('b')!)).toBe(b);
        expect(entryText(parsed.entry('c')!)).toBe(c);
        // With its NUL: servers compare strings with it.
        expect(parsed.bytes('c')!.at(-1)).toBe(0);
      }),
    );
  });

  test('any truncation and any leftover is EPROTO', () => {
    fc.assert(
      fc.property(untyped, fc.nat(), (pairs, cut) => {
        const dict = new Dict();
        for (const [name, value] of pairs) dict.setBytes(name, value);
        const bytes = serializeDict(dict);
        const shortened = bytes.subarray(0, 1 + (cut % (bytes.length - 1)));
        expect(() => parseSerializedDict(shortened)).toThrow(expect.objectContaining({ code: 'EPROTO' }));
        const extended = Buffer.concat([bytes, Buffer.alloc(1)]);
        expect(() => parseSerializedDict(extended)).toThrow(expect.objectContaining({ code: 'EPROTO' }));
      }),
    );
  });

  test('what it has no room for is refused', () => {
    const times = new Dict([['t', { type: 'iatt', value: emptyIatt() }]]);
    expect(() => serializeDict(times)).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP' }));
  });
});

describe('values', () => {
  test('text that is not UTF-8 keeps its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(
          Buffer.from(entryBytes({ type: 'str', value: decodeText(bytes) })).equals(Buffer.from(bytes)),
        ).toBe(true);
        const clean = bytes.filter((byte) => byte !== 0);
        expect(entryText({ type: 'bytes', value: clean })).toBe(decodeText(clean));
      }),
    );
  });

  test('what is no number is EPROTO', () => {
    for (const value of ['', 'x', '1e3', '0x10', '1'.repeat(21), ' ']) {
      const run = (): unknown => entryInteger({ type: 'str', value });
      expect(run).toThrow(expect.objectContaining({ code: 'EPROTO' }));
    }
    expect(entryInteger({ type: 'bytes', value: Buffer.from('-12\0junk') })).toBe(-12n);
  });

  test('structures that an old brick copied from its memory are as good as absent', () => {
    const old = new Dict().setBytes(keys.preStat.name, new Uint8Array(144));
    expect(old.get(keys.preStat)).toBe(undefined);
    const wrong = new Dict([[keys.preStat.name, { type: 'int', value: 1n }]]);
    expect(() => wrong.get(keys.preStat)).toThrow(expect.objectContaining({ code: 'EPROTO' }));
  });

  test('bytes are not made of what has none', () => {
    try {
      entryBytes({ type: 'iatt', value: emptyIatt() });
      expect.unreachable();
    } catch (error) {
      expect(isGlfsError(error, 'EPROTO')).toBe(true);
    }
  });
});

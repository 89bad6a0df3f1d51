import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeText, encodeText } from '../../src/xdr/index.ts';

/** Bytes with everything that UTF-8 can go wrong with: cut, overlong and too large sequences, surrogates, U+FFFD itself. */
const pieces = fc.oneof(
  fc.uint8Array({ maxLength: 6 }),
  fc
    .string({ unit: 'binary', maxLength: 6 })
    .filter((text) => text.isWellFormed())
    .map((text) => new Uint8Array(Buffer.from(text))),
  fc.constantFrom(
    ...[
      'c080',
      'e08080',
      'f0808080',
      'eda080',
      'edb080',
      'edbfbf',
      'f4908080',
      'f5808080',
      'efbfbd',
      'efbbbf',
      'ff',
      'c3',
      'e282',
      'f09f98',
      'e2',
      '80',
      'bf',
      '41',
      'f09f9880',
    ].map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))),
  ),
);
const bytes = fc.array(pieces, { maxLength: 12 }).map((parts) => new Uint8Array(Buffer.concat(parts)));

describe('text', () => {
  test('every sequence of bytes survives', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        expect(Buffer.from(encodeText(decodeText(input))).equals(Buffer.from(input))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test('two sequences of bytes are never the same text', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(decodeText(a) === decodeText(b)).toBe(Buffer.from(a).equals(Buffer.from(b)));
      }),
      { numRuns: 3000 },
    );
  });

  test('well-formed text is UTF-8 and comes back as it was', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
        (text) => {
          expect(Buffer.from(encodeText(text)).equals(Buffer.from(text))).toBe(true);
          expect(decodeText(encodeText(text))).toBe(text);
        },
      ),
    );
  });

  test('bytes that are no UTF-8 become what Python makes of them', () => {
    expect(decodeText(Buffer.from('61ff62', 'hex'))).toBe('a\udcffb');
    expect(decodeText(Buffer.from('eda080', 'hex'))).toBe('\udced\udca0\udc80');
    expect(decodeText(Buffer.from('f09f98', 'hex'))).toBe('\udcf0\udc9f\udc98');
    expect(decodeText(Buffer.from('efbfbdff', 'hex'))).toBe('\ufffd\udcff');
    expect(decodeText(Buffer.from('f09f9880ff', 'hex'))).toBe('😀\udcff');
    expect(Buffer.from(encodeText('é\udcff😀\udc80\udc81')).toString('hex')).toBe('c3a9fff09f98808081');
  });

  test('a surrogate that stands for no byte is refused: two names must not become one', () => {
    for (const text of ['\ud800', 'a\udc00', '\udc7fb', '\udd00', 'x\udbff', '\ud83d']) {
      expect(() => encodeText(text)).toThrow(expect.objectContaining({ code: 'EILSEQ' }));
    }
  });

  test('takes linear time, also for 8 MB of bad bytes', () => {
    for (const pattern of ['c341', 'ff', 'f09f98', 'e28041']) {
      const input = Buffer.alloc(8 << 20, Buffer.from(pattern, 'hex'));
      const start = performance.now();
      const text = decodeText(input);
      expect(Buffer.from(encodeText(text)).equals(input)).toBe(true);
      expect(performance.now() - start).toBeLessThan(10_000);
    }
    // A long text with characters beyond ASCII: no regular expression may recurse over it.
    expect(encodeText('ä'.repeat(8 << 20)).length).toBe(16 << 20);
  });
});

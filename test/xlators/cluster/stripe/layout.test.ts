import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fileOffset,
  fileSize,
  type Layout,
  localOffset,
  localSize,
  piecesOf,
  sliceData,
  spansOf,
  stripeOf,
} from '../../../../src/xlators/cluster/stripe/layout.ts';

const K = 1024;
const three: Layout = { blockSize: 128 * K, count: 3, coalesced: true };
const threeApart: Layout = { ...three, coalesced: false };

/*
 * Worked out by hand from GlusterFS 5's coalesced_offset, uncoalesced_size and stripe_truncate (stripe-helpers.c, stripe.c): blocks
 * of 128 KiB over three stripes; a line is 384 KiB.
 */
describe('where bytes lie', () => {
  test.each([
    // offset in the file, stripe, offset in the coalesced stripe
    [0, 0, 0],
    [128 * K - 1, 0, 128 * K - 1],
    [128 * K, 1, 0],
    [256 * K + 5, 2, 5],
    [384 * K, 0, 128 * K],
    [512 * K + 7, 1, 128 * K + 7],
    [1152 * K - 1, 2, 384 * K - 1],
    [1152 * K, 0, 384 * K],
    [10 * 384 * K + 300 * K, 2, 10 * 128 * K + 44 * K],
  ])('%i is in stripe %i at %i', (offset, index, local) => {
    expect([stripeOf(three, offset), localOffset(three, offset)]).toEqual([index, local]);
    expect(fileOffset(three, index, local)).toBe(offset);
    expect([stripeOf(threeApart, offset), localOffset(threeApart, offset)]).toEqual([index, offset]);
    expect(fileOffset(threeApart, index, offset)).toBe(offset);
  });

  test.each([
    // stripe, its size, size of the file that it stands for
    [0, 0, 0],
    [2, 0, 0],
    [0, 1, 1],
    [1, 1, 128 * K + 1],
    [2, 128 * K, 384 * K],
    [0, 128 * K, 128 * K],
    [1, 128 * K, 256 * K],
    [0, 128 * K + 1, 384 * K + 1],
    [1, 256 * K, 640 * K],
    [2, 300 * K, 1024 * K + 44 * K],
  ])('stripe %i of %i bytes stands for %i', (index, size, whole) => {
    expect(fileSize(three, index, size)).toBe(whole);
    expect(fileSize(threeApart, index, size)).toBe(size);
  });

  test.each([
    // size of the file, sizes of its stripes
    [0, [0, 0, 0]],
    [1, [1, 0, 0]],
    [128 * K, [128 * K, 0, 0]],
    [200 * K, [128 * K, 72 * K, 0]],
    [384 * K, [128 * K, 128 * K, 128 * K]],
    [385 * K, [129 * K, 128 * K, 128 * K]],
    [700 * K, [256 * K, 256 * K, 188 * K]],
  ])('a file of %i is cut to %j', (size, stripes) => {
    expect([0, 1, 2].map((index) => localSize(three, index, size))).toEqual(stripes);
    expect([0, 1, 2].map((index) => localSize(threeApart, index, size))).toEqual([size, size, size]);
    expect(Math.max(...stripes.map((local, index) => fileSize(three, index, local)))).toBe(size);
  });

  test('between the blocks of a stripe that is not coalesced the next one is meant', () => {
    const between = [
      [0, 128 * K, 384 * K],
      [1, 0, 128 * K],
      [1, 130 * K, 130 * K],
      [1, 256 * K, 512 * K],
      [2, 384 * K + 9, 640 * K],
    ] as const;
    for (const [index, local, offset] of between) expect(fileOffset(threeApart, index, local)).toBe(offset);
  });
});

const layouts = fc.record({
  blockSize: fc.constantFrom(512, 16 * K, 128 * K, 16_896),
  count: fc.integer({ min: 2, max: 7 }),
  coalesced: fc.boolean(),
});
const offsets = fc.integer({ min: 0, max: 3_000_000 });
const sizes = fc.integer({ min: 1, max: 1_000_000 });

describe('whatever the layout', () => {
  test('every byte has one place, and its place says which byte it is', () => {
    fc.assert(
      fc.property(layouts, offsets, (layout, offset) => {
        const index = stripeOf(layout, offset);
        expect(fileOffset(layout, index, localOffset(layout, offset))).toBe(offset);
        // The stripe with the last byte tells the size.
        expect(fileSize(layout, index, localOffset(layout, offset) + 1)).toBe(offset + 1);
      }),
    );
  });

  test('the stripes of a file, cut to its size, stand for just that size', () => {
    fc.assert(
      fc.property(layouts, offsets, (layout, size) => {
        const local = Array.from({ length: layout.count }, (_, index) => localSize(layout, index, size));
        expect(Math.max(...local.map((each, index) => fileSize(layout, index, each)))).toBe(size);
        if (layout.coalesced) expect(local.reduce((sum, each) => sum + each, 0)).toBe(size);
      }),
    );
  });

  test('pieces are the range, in order; spans are the same bytes in as few parts as there are stripes', () => {
    fc.assert(
      fc.property(layouts, offsets, sizes, (layout, offset, size) => {
        let next = 0;
        const places = new Map<number, [number, number][]>();
        for (const piece of piecesOf(layout, offset, size)) {
          expect(piece.start).toBe(next);
          expect(piece.index).toBe(stripeOf(layout, offset + next));
          expect(piece.offset).toBe(localOffset(layout, offset + next));
          next += piece.size;
          const parts = places.get(piece.index) ?? [];
          const last = parts.at(-1);
          if (last !== undefined && last[1] === piece.offset) last[1] += piece.size;
          else parts.push([piece.offset, piece.offset + piece.size]);
          places.set(piece.index, parts);
        }
        expect(next).toBe(size);
        const spans = [...spansOf(layout, offset, size)];
        if (layout.coalesced) expect(spans.length).toBe(places.size);
        const spanned = new Map<number, [number, number][]>();
        for (const span of spans)
          spanned.set(span.index, [
            ...(spanned.get(span.index) ?? []),
            [span.offset, span.offset + span.size],
          ]);
        expect(spanned).toEqual(places);
      }),
      { numRuns: 60 },
    );
  });

  test('an empty range has no pieces', () => {
    expect([...piecesOf(three, 5, 0)]).toEqual([]);
    expect([...spansOf(three, 5, 0)]).toEqual([]);
  });

  test('bytes of a write are cut without being copied', () => {
    const data = [Buffer.from('abc'), Buffer.from('defg')];
    expect(sliceData(data, 1, 4).map(String)).toEqual(['bc', 'de']);
    expect(sliceData(data, 3, 2).map(String)).toEqual(['de']);
    expect(sliceData(data, 0, 2)[0]!.buffer).toBe(data[0]!.buffer);
  });
});

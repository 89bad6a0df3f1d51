import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Leaves, OffsetTransform } from '../../../../src/xlators/cluster/distribute/offsets.ts';
import { FileBrick } from '../../../helpers/file-brick.ts';

const bricks = fc.integer({ min: 1, max: 300 });
const offset63 = fc.bigInt({ min: 0n, max: (1n << 63n) - 1n });
const small = fc.bigInt({ min: 0n, max: 1n << 40n });

describe('offsets of directories with several bricks', () => {
  it('are what GlusterFS makes of them', () => {
    const three = new OffsetTransform(3);
    expect(three.encode(0n, 2)).toBe(0n);
    expect(three.encode(5n, 2)).toBe(17n);
    // ext4's hash offsets have all 63 bits: 2^62 | (x >> 1) without its lowest two bits | brick.
    expect(three.encode(0x7fffffffffffffffn, 1)).toBe(0x7ffffffffffffffdn);
    expect(three.encode(0x123456789abcdef0n, 2)).toBe(0x491a2b3c4d5e6f7an);
    expect(three.encode((1n << 64n) - 1n, 2)).toBe((1n << 64n) - 1n);
    expect(new OffsetTransform(1).encode(0x7fffffffffffffffn, 0)).toBe(0x7fffffffffffffffn);
  });

  it('name their brick, for any offset but the start', () => {
    fc.assert(
      fc.property(bricks, offset63, fc.nat(), (count, offset, seed) => {
        const leaf = seed % count;
        const transform = new OffsetTransform(count);
        expect(transform.leafOf(transform.encode(offset, leaf))).toBe(offset === 0n ? 0 : leaf);
      }),
    );
  });

  it('come back exactly while they are small, and never behind the entry when they are not', () => {
    fc.assert(
      fc.property(bricks, small, fc.nat(), (count, offset, seed) => {
        const transform = new OffsetTransform(count);
        expect(transform.offsetOf(transform.encode(offset, seed % count))).toBe(offset);
      }),
    );
    fc.assert(
      fc.property(bricks, offset63, fc.nat(), (count, offset, seed) => {
        const transform = new OffsetTransform(count);
        const back = transform.offsetOf(transform.encode(offset, seed % count));
        const bits = BigInt(Math.ceil(Math.log2(count)));
        expect(back <= offset).toBe(true);
        expect(offset - back < 1n << (bits + 1n)).toBe(true);
      }),
    );
  });

  it('keep the order of the entries of one brick', () => {
    fc.assert(
      fc.property(bricks, offset63, offset63, fc.nat(), (count, a, b, seed) => {
        const transform = new OffsetTransform(count);
        const [x, y] = [a, b].map((offset) => transform.encode(offset, seed % count)) as [bigint, bigint];
        expect(a <= b ? x <= y : x >= y).toBe(true);
      }),
    );
  });

  it('differ between bricks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), offset63, offset63, (count, a, b) => {
        fc.pre(a !== 0n && b !== 0n);
        const transform = new OffsetTransform(count);
        expect(transform.encode(a, 0)).not.toBe(transform.encode(b, count - 1));
      }),
    );
  });

  it('count bricks through in the order of the volfile', () => {
    const children = [0, 1, 2].map((index) => new FileBrick(`vol-client-${index}`).subvolume);
    const leaves = new Leaves(children);
    expect(leaves.count).toBe(3);
    expect(children.map((child) => leaves.leafOf(child))).toEqual([0, 1, 2]);
    expect(leaves.ownerOf(1)).toBe(children[1]);
    expect(leaves.ownerOf(7)).toBe(children[0]);
  });
});

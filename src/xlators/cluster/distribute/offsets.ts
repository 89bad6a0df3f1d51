import type { Subvolume } from '../../../graph/index.ts';

/*
 * A directory's offset (d_off) on the way up must name its brick. GlusterFS packs the brick's number beside the brick's
 * own 63-bit offset x, with N bricks in all and b = bits for N:
 *   x == 0, x == 2^64-1    as they are
 *   x has bits above 62-b  2^62 | (x >> 1) & ~(2^b - 1) | brick: the lowest b+1 bits of x are lost
 *   otherwise              x * N + brick
 */

const TOP = 1n << 62n;
const ALL = (1n << 64n) - 1n;
const PRESENT = (1n << 63n) - 1n;

function bitsFor(count: number): bigint {
  let bits = 0;
  while (2 ** bits < count) bits++;
  return BigInt(bits);
}

/** The transform for a graph with `leaves` bricks. */
export class OffsetTransform {
  private readonly count: bigint;
  private readonly lowBits: bigint;
  private readonly huge: bigint;

  constructor(leaves: number) {
    this.count = BigInt(leaves);
    const bits = bitsFor(leaves);
    this.lowBits = (1n << bits) - 1n;
    this.huge = ALL ^ (PRESENT >> (bits + 1n));
  }

  encode(offset: bigint, leaf: number): bigint {
    if (this.count === 1n || offset === 0n || offset === ALL) return offset;
    if ((offset & this.huge) !== 0n) return TOP | ((offset >> 1n) & ~this.lowBits & ALL) | BigInt(leaf);
    return offset * this.count + BigInt(leaf);
  }

  /** Index of the brick. */
  leafOf(encoded: bigint): number {
    if (this.count === 1n) return 0;
    return Number((encoded & TOP) !== 0n ? encoded & this.lowBits : encoded % this.count);
  }

  /** The brick's own offset: never behind the one that was encoded, and before it by at most 2^(b+1)-1. */
  offsetOf(encoded: bigint): bigint {
    if (this.count === 1n || encoded === ALL) return encoded;
    return (encoded & TOP) !== 0n ? (encoded & ~TOP & ~this.lowBits) << 1n : encoded / this.count;
  }
}

/** Numbers of the bricks below each of `children`, counted through in the order of the volfile. */
export class Leaves {
  private readonly first = new Map<Subvolume, number>();
  private readonly owners: Subvolume[] = [];

  constructor(children: readonly Subvolume[]) {
    for (const child of children) {
      this.first.set(child, this.owners.length);
      for (let left = countLeaves(child); left > 0; left--) this.owners.push(child);
    }
  }

  get count(): number {
    return this.owners.length;
  }

  /** The number by which the subvolume's offsets are marked. */
  leafOf(child: Subvolume): number {
    return this.first.get(child)!;
  }

  /** The subvolume that a brick belongs to; the first for a number that no brick has. */
  ownerOf(leaf: number): Subvolume {
    return this.owners[leaf] ?? this.owners[0]!;
  }
}

function countLeaves(subvolume: Subvolume): number {
  const { children } = subvolume.translator;
  return children.length === 0 ? 1 : children.reduce((sum, child) => sum + countLeaves(child), 0);
}

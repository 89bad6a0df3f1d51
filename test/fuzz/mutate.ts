/** A small generator of 32-bit numbers: the same seed gives the same run (mulberry32). */
export class Random {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  below(limit: number): number {
    return limit <= 0 ? 0 : this.next() % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** Lengths and counts that decoders like to believe. */
const lies = [
  0, 1, 2, 3, 0xff, 0x7fff, 0xffff, 0x10000, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0x80000010,
  0xfffffffe, 0xffffffff,
];

type Mutation = (random: Random, bytes: Buffer, others: readonly Buffer[]) => Buffer;

const mutations: readonly Mutation[] = [
  (random, bytes) => {
    if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    return bytes;
  },
  (random, bytes) => {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  (random, bytes) => {
    const words = bytes.length >> 2;
    if (words > 0) bytes.writeUInt32BE(random.pick(lies), random.below(words) * 4);
    return bytes;
  },
  (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    const noise = Buffer.from(Array.from({ length: 1 + random.below(32) }, () => random.below(256)));
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
  },
  (random, bytes) => {
    const at = random.below(bytes.length);
    const end = at + random.below(bytes.length - at + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
  },
  (random, bytes, others) => {
    const other = random.pick(others);
    return Buffer.concat([
      bytes.subarray(0, random.below(bytes.length + 1)),
      other.subarray(random.below(other.length + 1)),
    ]);
  },
];

/** A copy of `bytes` with one to four changes; never `bytes` itself. */
export function mutate(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let count = 1 + random.below(4); count > 0; count--)
    result = random.pick(mutations)(random, result, others);
  return result;
}

/** Random numbers of which a seed says all. */
export class Random {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  /** 32 bits (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From 0 to below `limit`. */
  below(limit: number): number {
    return limit <= 0 ? 0 : this.next() % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

/** What lengths, counts and discriminators are replaced by. */
const words = [0, 1, 2, 3, 5, 9, 16, 255, 4096, 65_535, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

const mutations: readonly Mutation[] = [
  // Flips of bits.
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    for (let flips = 1 + random.below(8); flips > 0; flips--) {
      const at = random.below(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
    }
    return copy;
  },
  // A word that lies: a length, a count, a type.
  (bytes, random) => {
    if (bytes.length < 4) return bytes;
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length >> 2) * 4;
    const old = copy.readUInt32BE(at);
    const lie = random.below(3) === 0 ? random.pick(words) : old + random.below(17) - 8;
    copy.writeUInt32BE(lie >>> 0, at);
    return copy;
  },
  // Cut.
  (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  // Longer.
  (bytes, random) => Buffer.concat([bytes, Buffer.alloc(1 + random.below(64), random.below(256))]),
  // A piece is left out, or doubled.
  (bytes, random) => {
    const at = random.below(bytes.length);
    const length = random.below(64);
    const piece = bytes.subarray(at, at + length);
    return random.below(2) === 0
      ? Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
      : Buffer.concat([bytes.subarray(0, at + length), piece, bytes.subarray(at + length)]);
  },
  // The front of one, the back of another.
  (bytes, random, others) => {
    const other = random.pick(others);
    return Buffer.concat([
      bytes.subarray(0, random.below(bytes.length)),
      other.subarray(random.below(other.length)),
    ]);
  },
  // Bytes of another in the middle.
  (bytes, random, others) => {
    const copy = Buffer.from(bytes);
    const other = random.pick(others);
    other.copy(copy, random.below(copy.length), random.below(other.length));
    return copy;
  },
];

/** One to three mutations of some bytes. */
export function mutate(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let mutated = bytes;
  for (let rounds = 1 + random.below(3); rounds > 0; rounds--) {
    if (mutated.length > 0) mutated = random.pick(mutations)(mutated, random, others);
  }
  return mutated;
}

/** The seed of this run: given by GLFS_FUZZ_SEED, or a new one. It is printed. */
export function seedOfRun(): number {
  const given = process.env.GLFS_FUZZ_SEED;
  const seed = given === undefined ? (Math.random() * 2 ** 32) >>> 0 : Number(given) >>> 0;
  console.log(`fuzz: GLFS_FUZZ_SEED=${seed}`);
  return seed;
}

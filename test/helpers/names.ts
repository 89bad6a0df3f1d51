/** A small generator of random numbers that gives the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const shapes: readonly ((random: () => number) => Buffer)[] = [
  (random) => letters(random, 1 + random() * 12),
  (random) => Buffer.concat([letters(random, 1 + random() * 30), Buffer.from('.txt')]),
  // As rsync names the files that it is writing.
  (random) => Buffer.concat([Buffer.from('.'), letters(random, 8), Buffer.from('.Xy12Zq')]),
  (random) => Buffer.from(`file ${Math.floor(random() * 1e6)} with spaces`),
  (random) => Buffer.from(`${Math.floor(random() * 1e6)}-日本語-é`),
  // Any bytes but NUL and slash.
  (random) => Buffer.from(Array.from({ length: 1 + random() * 40 }, () => anyByte(random))),
  (random) => letters(random, 200 + random() * 55),
];

function letters(random: () => number, length: number): Buffer {
  return Buffer.from(Array.from({ length: Math.floor(length) }, () => 97 + Math.floor(random() * 26)));
}

function anyByte(random: () => number): number {
  const byte = 1 + Math.floor(random() * 255);
  return byte === 0x2f ? 0x5f : byte;
}

/** Different file names of many kinds, of at most 255 bytes; the same ones for the same seed. */
export function randomNames(count: number, seed: number): Buffer[] {
  const random = seeded(seed);
  const found = new Map<string, Buffer>();
  while (found.size < count) {
    const name = shapes[Math.floor(random() * shapes.length)]!(random);
    const text = name.toString('latin1');
    if (text !== '.' && text !== '..' && text !== '') found.set(text, name);
  }
  return [...found.values()];
}

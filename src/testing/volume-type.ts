import { GlfsError } from '../errors.ts';

/** What a volume's bricks are to each other. `custom`: the user's own volfile says it. */
export interface Layout {
  readonly kind: 'distribute' | 'replicate' | 'disperse' | 'stripe' | 'custom';
  /** Bricks of one set: 1 where they are only distributed. */
  readonly size: number;
  readonly sets: number;
  /** 1 where the last brick of each replica set holds names and metadata only. */
  readonly arbiters: 0 | 1;
  /** Bricks of a disperse set that may be missing. */
  readonly redundancy: number;
}

const EXAMPLES =
  "'distribute 3', 'replicate 3', 'replicate 3 arbiter 1', 'disperse 4+2', 'stripe 2', each set type also '… x N'";
/** A volfile of more bricks would be a mistake of the caller, and each brick takes a port. */
const MOST_BRICKS = 128;
/** Erasure coding over GF(2^8) in GlusterFS: at most so many fragments of data. */
const MOST_DATA = 16;

type Parsed = Omit<Layout, 'sets'>;

const types: readonly {
  readonly pattern: RegExp;
  readonly parse: (numbers: readonly number[], text: string) => Parsed & { readonly sets?: number };
}[] = [
  {
    pattern: /^distribute (\d+)$/,
    parse: ([bricks]) => ({ kind: 'distribute', size: 1, sets: bricks, arbiters: 0, redundancy: 0 }),
  },
  {
    pattern: /^(?:replicate|replica) (\d+)$/,
    parse: ([size], text) => {
      if (size! < 2) throw wrong(text, 'a replica set has at least 2 bricks');
      return { kind: 'replicate', size: size!, arbiters: 0, redundancy: 0 };
    },
  },
  {
    pattern: /^(?:replicate|replica) (\d+) arbiter (\d+)$/,
    parse: ([size, arbiters], text) => {
      if (size !== 3 || arbiters !== 1)
        throw wrong(text, "an arbiter goes with two full copies: 'replicate 3 arbiter 1'");
      return { kind: 'replicate', size: 3, arbiters: 1, redundancy: 0 };
    },
  },
  {
    pattern: /^disperse (\d+) ?\+ ?(\d+)$/,
    parse: ([data, redundancy], text) => {
      if (redundancy! < 1) throw wrong(text, 'the redundancy is at least 1');
      if (data! <= redundancy!) throw wrong(text, 'there are more data bricks than redundancy bricks');
      if (data! > MOST_DATA) throw wrong(text, `there are at most ${MOST_DATA} data bricks`);
      return { kind: 'disperse', size: data! + redundancy!, arbiters: 0, redundancy: redundancy! };
    },
  },
  {
    pattern: /^stripe (\d+)$/,
    parse: ([size], text) => {
      if (size! < 2) throw wrong(text, 'a file has at least 2 stripes');
      return { kind: 'stripe', size: size!, arbiters: 0, redundancy: 0 };
    },
  },
];

/**
 * Reads the `type` of a volume.
 * @throws GlfsError EINVAL, with what would be right.
 */
export function parseVolumeType(text: string): Layout {
  const words = text.trim().toLowerCase().replace(/\s+/g, ' ');
  const times = / x (\d+)$/.exec(words);
  const sets = times === null ? 1 : Number(times[1]);
  const rest = times === null ? words : words.slice(0, times.index);
  for (const { pattern, parse } of types) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    const parsed = parse(match.slice(1).map(Number), text);
    if (parsed.sets !== undefined && times !== null)
      throw wrong(text, "bricks that are only distributed have no sets: 'distribute N'");
    const layout = { ...parsed, sets: parsed.sets ?? sets };
    if (layout.sets < 1) throw wrong(text, 'at least 1 is expected');
    if (brickCount(layout) > MOST_BRICKS) throw wrong(text, `a volume has at most ${MOST_BRICKS} bricks`);
    return layout;
  }
  throw wrong(text, `one of ${EXAMPLES} is expected`);
}

/** The layout behind a volfile of the user's own. @throws GlfsError EINVAL */
export function customLayout(bricks: number): Layout {
  if (!Number.isInteger(bricks) || bricks < 1 || bricks > MOST_BRICKS)
    throw new GlfsError('EINVAL', `a volume with a volfile needs 'bricks', from 1 to ${MOST_BRICKS}`);
  return { kind: 'custom', size: 1, sets: bricks, arbiters: 0, redundancy: 0 };
}

export function brickCount({ size, sets }: Layout): number {
  return size * sets;
}

export function isArbiter({ size, arbiters }: Layout, index: number): boolean {
  return arbiters === 1 && index % size === size - 1;
}

function wrong(text: string, reason: string): GlfsError {
  return new GlfsError('EINVAL', `volume type '${text}': ${reason}`);
}

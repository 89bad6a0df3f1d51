import { createCipheriv, createHash } from 'node:crypto';

/** Bytes of a chunk: what one fragment holds of one stripe. */
export const CHUNK = 512;

/** Bricks with data and bricks beyond them, of one disperse set. */
export interface Geometry {
  readonly data: number;
  readonly redundancy: number;
}

/** All of which there are vectors, from the smallest to the largest that glusterd makes. */
export const geometries: readonly Geometry[] = [
  [2, 1],
  [3, 1],
  [3, 2],
  [4, 2],
  [4, 3],
  [5, 2],
  [7, 3],
  [8, 3],
  [8, 4],
  [13, 1],
  [16, 4],
  [16, 15],
].map(([data, redundancy]) => ({ data: data!, redundancy: redundancy! }));

export const nameOf = ({ data, redundancy }: Geometry): string => `${data}+${redundancy}`;

/** One call on a file. Bytes that are written follow from the file's name and the offset. */
type Act = { readonly write: number; readonly at: number } | { readonly truncate: number };

/** How a file came to be. */
export interface Story {
  readonly name: string;
  readonly acts: readonly Act[];
}

/** The files of a volume of that geometry: aligned, odd, with holes, written over, cut and grown. */
export function storiesOf({ data }: Geometry): readonly Story[] {
  const stripe = data * CHUNK;
  return [
    { name: 'stripes', acts: [{ write: 2 * stripe, at: 0 }] },
    { name: 'byte', acts: [{ write: 1, at: 0 }] },
    { name: 'odd', acts: [{ write: 37 * stripe + 123, at: 0 }] },
    {
      name: 'hole',
      acts: [
        { write: 2 * stripe + 1, at: 20 * stripe + 5 },
        { write: 700, at: 3 * stripe + 77 },
      ],
    },
    {
      name: 'over',
      acts: [
        { write: 10 * stripe, at: 0 },
        { write: 3 * stripe + 50, at: stripe + 100 },
      ],
    },
    { name: 'cut', acts: [{ write: 10 * stripe + 50, at: 0 }, { truncate: 3 * stripe + 99 }] },
    { name: 'grown', acts: [{ write: stripe + 5, at: 0 }, { truncate: 9 * stripe + 3 }] },
    { name: 'large', acts: [{ write: 2 ** 20 + 1, at: 0 }] },
  ];
}

/** Bytes without a pattern, the same for the same seed in every run: AES in counter mode. */
export function seededBytes(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** The calls of a story in turn, with their bytes. */
export function callsOf({ name, acts }: Story): ({ bytes: Buffer; at: number } | { truncate: number })[] {
  return acts.map((act) =>
    'truncate' in act ? act : { bytes: seededBytes(`${name} ${act.at}`, act.write), at: act.at },
  );
}

/** What the file holds at the end of its story. */
export function contentOf(story: Story): Buffer {
  let content = Buffer.alloc(0);
  const resize = (size: number) => {
    const next = Buffer.alloc(size);
    content.copy(next);
    content = next;
  };
  for (const call of callsOf(story)) {
    if ('truncate' in call) {
      resize(call.truncate);
      continue;
    }
    if (call.at + call.bytes.length > content.length) resize(call.at + call.bytes.length);
    call.bytes.copy(content, call.at);
  }
  return content;
}

/** The content with zeroes up to the next whole stripe: what is encoded. */
export function wholeStripes(content: Buffer, { data }: Geometry): Buffer {
  const stripe = data * CHUNK;
  const whole = Buffer.alloc(Math.ceil(content.length / stripe) * stripe);
  content.copy(whole);
  return whole;
}

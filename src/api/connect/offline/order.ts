import { closeSync, openSync, readSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import { CHUNK, ErasureCode } from '../../../gf8/index.ts';
import { DIRTY, decodeNumber, SIZE, VERSION } from '../../../xlators/cluster/disperse/lock/counters.ts';
import { COPY_MARK } from '../../../xlators/glfs/whole-files/index.ts';
import type { BrickIdentity, InspectedFile } from '../../../xlators/storage/posix/inspect.ts';
import { openQuietly } from '../../../xlators/storage/posix/quiet-read.ts';
import { attributesOn, type BrickSet, presentIn } from './sets.ts';

/*
 * Nothing on a brick tells its place among the others, and in a wrong order fragments make wrong bytes and accusations hit the
 * wrong copy. What the order would come to is looked at before anything is read.
 *
 * It can't be found out by trying: of 4+2 the reverse order fits all fragments as well as the right one does (the places are
 * points of a polynomial, and so are the places plus 7), and only the zeros behind the end of a file tell them apart.
 */

const NONE = new Uint8Array(0);
const ACCUSATION = /^trusted\.afr\.(.+)-client-(\d+)$/;

/**
 * Name of the volume in what copies hold against each other; undefined where they hold nothing.
 * @throws GlfsError EINVAL where the order of the bricks can't be the volume's
 */
export function checkCopies(sets: readonly BrickSet[]): string | undefined {
  const volumes = new Set<string>();
  for (const { first, places } of sets) {
    for (const [index, place] of places.entries()) {
      if (place === undefined) continue;
      const accused = new Set<number>();
      for (const [name, value] of attributesOn(place)) {
        const [, volume, number] = ACCUSATION.exec(name) ?? [];
        if (volume === undefined || isZero(value)) continue;
        volumes.add(volume);
        accused.add(Number(number) - first);
      }
      const strange = [...accused].some((one) => one < 0 || one >= places.length);
      // A copy accuses itself where it alone has failed; one that never accuses another stands in the place of another.
      if (strange || (accused.size === 1 && accused.has(index))) throw disordered(place);
    }
  }
  if (volumes.size > 1)
    throw new GlfsError('EINVAL', `copies of several volumes: ${[...volumes].join(', ')} (${COPY_MARK}*)`);
  return [...volumes][0];
}

function disordered({ directory }: BrickIdentity): GlfsError {
  return new GlfsError(
    'EINVAL',
    `${directory} can't have this place: the bricks must be named in the volume's order, with - for each that is missing`,
  );
}

/** How many files speak for the order, and against it. */
interface Votes {
  fits: number;
  strange: number;
}

/**
 * Puts the last stripes of some files together: of those that are clean, or, where none of them tells, of those that are marked
 * dirty and agree all the same. @throws GlfsError EINVAL where more of them don't fit than do
 */
export function checkFragments({ places, redundancy }: BrickSet): void {
  const bricks = presentIn(places);
  const code = ErasureCode.of(places.length - redundancy, places.length);
  const clean: Votes = { fits: 0, strange: 0 };
  const dirty: Votes = { fits: 0, strange: 0 };
  for (const handle of new Set(bricks.flatMap(({ sample }) => [...sample.keys()]))) {
    const fragments = agreeing(
      places.map((place) => place && { place, file: place.inspect(handle) }),
      code.data,
    );
    const fits = fragments && fitsTogether(code, fragments, handle);
    if (fits === undefined) continue;
    const [first] = fragments!.values();
    const isDirty = !isZero(first!.file.attributes.get(DIRTY) ?? NONE);
    (isDirty ? dirty : clean)[fits ? 'fits' : 'strange']++;
  }
  const { fits, strange } = clean.fits + clean.strange > 0 ? clean : dirty;
  if (strange > fits) throw disordered(bricks[0]!);
}

interface Fragment {
  readonly place: BrickIdentity;
  readonly file: InspectedFile;
}

/** The most fragments, by place, with the same counters; undefined where they are not enough. */
function agreeing(
  all: readonly ({ readonly place: BrickIdentity; readonly file: InspectedFile | undefined } | undefined)[],
  needed: number,
): ReadonlyMap<number, Fragment> | undefined {
  const groups = new Map<string, Map<number, Fragment>>();
  for (const [index, found] of all.entries()) {
    const counters = countersOf(found?.file);
    if (found?.file === undefined || counters === undefined) continue;
    const group = groups.get(counters) ?? new Map<number, Fragment>();
    groups.set(counters, group.set(index, { place: found.place, file: found.file }));
  }
  const [most] = [...groups.values()].sort((one, other) => other.size - one.size);
  return most === undefined || most.size < needed ? undefined : most;
}

/** Undefined where a fragment tells nothing. */
function countersOf(file: InspectedFile | undefined): string | undefined {
  const size = file?.attributes.get(SIZE);
  if (file === undefined || !file.isRegular || size?.length !== 8 || isZero(size)) return undefined;
  const values = [SIZE, VERSION, DIRTY].map((name) => Buffer.from(file.attributes.get(name) ?? NONE));
  const text = values.map((value) => (isZero(value) ? '' : value.toString('hex')));
  return `${text.join(' ')} ${file.size}`;
}

/** Undefined where nothing can be told: there is no fragment to spare and no zero behind the end, or it is a hole. */
function fitsTogether(
  code: ErasureCode,
  fragments: ReadonlyMap<number, Fragment>,
  handle: string,
): boolean | undefined {
  const [first] = fragments.values();
  const { file } = first!;
  const size = Number(decodeNumber(file.attributes.get(SIZE)));
  const last = Math.floor((size - 1) / code.stripe);
  const chunks = [...fragments].map(
    ([index, { place }]) => [index, chunkOf(`${place.directory}/${handle}`, last * CHUNK)] as const,
  );
  if (chunks.every(([, chunk]) => isZero(chunk))) return undefined;
  const some = new Map(chunks.slice(0, code.data));
  const others = chunks.slice(code.data);
  const padding = code.decodeSync(some).subarray(size - last * code.stripe);
  const made = code.recreateSync(
    some,
    others.map(([index]) => index),
  );
  if (!isZero(padding) || others.some(([, chunk], at) => Buffer.compare(chunk, made[at]!) !== 0))
    return false;
  return others.length > 0 || padding.length > 0 ? true : undefined;
}

function chunkOf(path: string, offset: number): Uint8Array {
  const descriptor = openQuietly(Buffer.from(path), 0, openSync);
  try {
    const chunk = new Uint8Array(CHUNK);
    readSync(descriptor, chunk, 0, CHUNK, offset);
    return chunk;
  } finally {
    closeSync(descriptor);
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

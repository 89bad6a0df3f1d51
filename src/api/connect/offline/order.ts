import { closeSync, openSync, readSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import { CHUNK, ErasureCode } from '../../../gf8/index.ts';
import { decodeNumber } from '../../../xlators/cluster/disperse/lock/counters.ts';
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

/**
 * Puts the last stripes of some files together. @throws GlfsError EINVAL where more of them don't fit than do
 */
export function checkFragments({ places, redundancy }: BrickSet): void {
  const bricks = presentIn(places);
  const code = ErasureCode.of(places.length - redundancy, places.length);
  let fits = 0;
  let strange = 0;
  for (const handle of bricks[0]!.sample.keys()) {
    const verdict = fitsTogether(
      code,
      places.map((place) => place && { place, file: place.inspect(handle) }),
      handle,
    );
    if (verdict === true) fits++;
    if (verdict === false) strange++;
  }
  if (strange > fits) throw disordered(bricks[0]!);
}

type Fragment = { readonly place: BrickIdentity; readonly file: InspectedFile | undefined } | undefined;

/** Undefined where nothing can be told: too few have it all, or it is a hole. */
function fitsTogether(
  code: ErasureCode,
  fragments: readonly Fragment[],
  handle: string,
): boolean | undefined {
  const groups = new Map<string, number[]>();
  for (const [index, fragment] of fragments.entries()) {
    const state = stateOf(fragment?.file);
    if (state !== undefined) groups.set(state, [...(groups.get(state) ?? []), index]);
  }
  const [good] = [...groups.values()].sort((one, other) => other.length - one.length);
  if (good === undefined || good.length < code.data) return undefined;
  const size = Number(decodeNumber(fragments[good[0]!]!.file!.attributes.get('trusted.ec.size')));
  const last = Math.floor((size - 1) / code.stripe);
  const chunks = new Map(
    good.map((index) => [index, chunkOf(`${fragments[index]!.place.directory}/${handle}`, last * CHUNK)]),
  );
  if ([...chunks.values()].every(isZero)) return undefined;
  const some = new Map([...chunks].slice(0, code.data));
  const stripe = code.decodeSync(some);
  const others = good.slice(code.data);
  const same = code
    .recreateSync(some, others)
    .every((bytes, at) => Buffer.compare(bytes, chunks.get(others[at]!)!) === 0);
  const padding = stripe.subarray(size - last * code.stripe);
  if (!same || !isZero(padding)) return false;
  return others.length > 0 || padding.length > 0 ? true : undefined;
}

/** Counters of a fragment that is whole; undefined for one of which nothing can be told. */
function stateOf(file: InspectedFile | undefined): string | undefined {
  if (file === undefined || !file.isRegular) return undefined;
  const [version, size, dirty] = ['version', 'size', 'dirty'].map((name) =>
    file.attributes.get(`trusted.ec.${name}`),
  );
  if (version === undefined || size === undefined || isZero(size) || !isZero(dirty ?? size.subarray(0, 0)))
    return undefined;
  return `${Buffer.from(version).toString('hex')} ${Buffer.from(size).toString('hex')} ${file.size}`;
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

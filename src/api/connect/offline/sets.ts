import { GlfsError } from '../../../errors.ts';
import { geometryOf } from '../../../xlators/cluster/disperse/lock/counters.ts';
import { parseRange, takesPart } from '../../../xlators/cluster/distribute/layout.ts';
import {
  COPY_MARK,
  FRAGMENT_MARK,
  isStripeMark,
  type Parts,
} from '../../../xlators/glfs/whole-files/index.ts';
import type { BrickIdentity } from '../../../xlators/storage/posix/inspect.ts';

const CONFIG = 'trusted.ec.config';
const LAYOUT = 'trusted.glusterfs.dht';

/** A brick, or the place of one that is missing. */
export type BrickPlace = BrickIdentity | undefined;

/** Bricks that hold the same files together, in the volume's order. */
export interface BrickSet {
  readonly parts: Parts;
  /** Place of its first brick among all. */
  readonly first: number;
  readonly places: readonly BrickPlace[];
  /** How many bricks may be missing for its files to be read. */
  readonly redundancy: number;
}

export function presentIn(places: readonly BrickPlace[]): BrickIdentity[] {
  return places.filter((place) => place !== undefined);
}

export function isReadable({ places, redundancy }: BrickSet): boolean {
  return presentIn(places).length >= places.length - redundancy;
}

/** Attributes of a brick's root and of the files of its sample. */
export function* attributesOn({
  attributes,
  sample,
}: BrickIdentity): Generator<readonly [string, Uint8Array]> {
  yield* attributes;
  for (const file of sample.values()) yield* file.attributes;
}

/**
 * Which bricks belong together: by what their files say of the volume's geometry, and by the names that they have in common.
 * @throws GlfsError EOPNOTSUPP for striped files, or more than one kind; EINVAL where the bricks make no whole sets
 */
export function setsOf(places: readonly BrickPlace[]): BrickSet[] {
  const kind = kindOf(presentIn(places));
  const geometry = kind === 'fragments' ? fragmentsOf(presentIn(places)) : undefined;
  const size = geometry?.bricks ?? sizeOfSets(places, kind);
  if (geometry !== undefined) checkFragments(places, size);
  const parts = geometry === undefined ? (size === 1 ? 'whole' : 'copies') : 'fragments';
  const redundancy = geometry?.redundancy ?? size - 1;
  return chunks(places, size).map((chunk, index) => ({
    parts,
    first: index * size,
    places: chunk,
    redundancy,
  }));
}

function kindOf(bricks: readonly BrickIdentity[]): Parts {
  const kinds = new Map<Parts, string>();
  for (const brick of bricks) {
    for (const [name] of attributesOn(brick)) {
      if (isStripeMark(name)) throw unsupported(brick, 'stripes of files');
      if (name.startsWith(FRAGMENT_MARK)) kinds.set('fragments', brick.directory);
      if (name.startsWith(COPY_MARK)) kinds.set('copies', brick.directory);
    }
  }
  if (kinds.size > 1)
    throw unsupported(bricks[0]!, `fragments and copies: ${[...kinds.values()].join(', ')}`);
  return [...kinds.keys()][0] ?? 'whole';
}

function unsupported({ directory }: BrickIdentity, what: string): GlfsError {
  return new GlfsError('EOPNOTSUPP', `${directory} can't be read offline: it holds ${what}`);
}

interface Geometry {
  readonly bricks: number;
  readonly redundancy: number;
}

/** What files say of their volume; undefined where there are none. */
function fragmentsOf(bricks: readonly BrickIdentity[]): Geometry | undefined {
  const found = new Map<string, Geometry>();
  let bare: BrickIdentity | undefined;
  for (const brick of bricks) {
    for (const { attributes, isRegular } of brick.sample.values()) {
      if (!isRegular) continue;
      const config = geometryOf(attributes.get(CONFIG));
      if (config === undefined) bare = brick;
      else found.set(`${config.bricks} ${config.redundancy}`, config);
    }
  }
  if (found.size > 1)
    throw new GlfsError(
      'EINVAL',
      `files of several geometries: ${[...found.keys()].join(', ')} (bricks, redundancy)`,
    );
  const [geometry] = found.values();
  if (geometry === undefined && bare !== undefined)
    throw unsupported(bare, `fragments whose geometry is not known: they have no ${CONFIG}`);
  return geometry;
}

function checkFragments(places: readonly BrickPlace[], size: number): void {
  if (places.length % size !== 0)
    throw new GlfsError(
      'EINVAL',
      `the volume has sets of ${size} bricks, and ${places.length} are named: those that are missing need their places, too (-)`,
    );
  if (!belongTogether(chunks(places, size))) throw disordered();
}

function disordered(): GlfsError {
  return new GlfsError(
    'EINVAL',
    "bricks that don't belong together stand side by side: they must be named in the volume's order, with - for each that is missing",
  );
}

/** As many as stand side by side with the same names in their root directories. */
function sizeOfSets(places: readonly BrickPlace[], kind: Parts): number {
  const sizes = places.map((_, index) => places.length - index).filter((size) => places.length % size === 0);
  const size = sizes.find((one) => belongTogether(chunks(places, one)));
  if (size === undefined) throw disordered();
  if (size === 1 && kind === 'copies')
    throw new GlfsError(
      'EINVAL',
      'the bricks hold copies of replicated files: those that are missing need their places, too (-)',
    );
  return size;
}

function belongTogether(sets: readonly (readonly BrickPlace[])[]): boolean {
  const names = sets.map((set) => new Set(set.flatMap((place) => rangeOf(place) ?? [])));
  if (names.some((each) => each.size > 1)) return false;
  const all = names.flatMap((each) => [...each]);
  return new Set(all).size === all.length;
}

function rangeOf(place: BrickPlace): string | undefined {
  const range = parseRange(place?.attributes.get(LAYOUT));
  return range === undefined || !takesPart(range) ? undefined : `${range.start} ${range.stop}`;
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  const starts = all.map((_, index) => index).filter((index) => index % size === 0);
  return starts.map((start) => all.slice(start, start + size));
}

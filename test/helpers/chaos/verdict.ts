import { join } from 'node:path';
import { blockSize } from '../blocks.ts';
import { differencesOfBricks } from '../bricks-identical.ts';
import { differencesOfFragments } from '../fragment-checks.ts';
import { assemble } from './assemble.ts';
import { contentsBelow, gfidsBelow } from './disk.ts';
import { type LeftBehind, linksInLandfill } from './left-behind.ts';
import { IDENTITY, isContentOf, type Moved, type Place, type Tree } from './tree.ts';
import type { World } from './world.ts';
import type { BlockFile } from './writer.ts';

/** gfids of directories, or all of them where nobody knows which. */
export type Merged = ReadonlySet<string> | 'any';

/**
 * What is wrong on the bricks after a round, when all is healed: nothing, if the promises were kept. `merged`: directories of
 * which at some time no copy was known to be good. Of those a heal keeps the names of all copies, as GlusterFS's do: files may be
 * found there where they had been as well, and removed ones again.
 */
export async function judge(
  world: World,
  tree: Tree,
  files: readonly BlockFile[],
  merged: Merged,
): Promise<string[]> {
  const { directories, arbiter, data } = world;
  // Writes leave times of the brick's own clock.
  const differences = data === undefined ? differencesOfBricks : differencesOfFragments;
  const all = differences(directories, { arbiter, mtimes: false });
  // What an earlier round has left on a set of bricks that several share was held against that one.
  const earlier = /\/round-\d+(?=[/:])/;
  const left = world.leftBehind?.(tree.directory) ?? [];
  const wrong = all.filter(
    (line) =>
      [tree.directory, undefined].includes(earlier.exec(line)?.[0]) &&
      !isExplained(line, left) &&
      !isOfLandfill(line, directories),
  );
  const judgeOf = (copy: Copy): string[] => [
    ...badBlocks(copy, tree, files),
    ...misplaced(copy, tree, files, merged),
  ];
  if (data !== undefined) {
    const whole = assemble(directories, data, tree.directory);
    const copy = { contents: whole.contents, gfids: gfidsBelow(directories[0]!, tree.directory) };
    return [...wrong, ...whole.wrong, ...judgeOf(copy)];
  }
  for (const [index, directory] of directories.entries()) {
    if (index === arbiter) continue;
    const contents = contentsBelow(directory, tree.directory);
    // Names on this brick that are not glfs's to remove.
    for (const { brick, path } of left)
      if (brick === index) contents.delete(path.slice(tree.directory.length + 1));
    const copy = { contents, gfids: gfidsBelow(directory, tree.directory) };
    wrong.push(...judgeOf(copy).map((line) => `brick ${index}: ${line}`));
  }
  return wrong;
}

/** A name that is left on one brick is not on others, and gives its file one link more. */
function isExplained(line: string, left: readonly LeftBehind[]): boolean {
  return left.some(
    ({ brick, path, others }) =>
      (line.startsWith(`${path}: on brick `) && line.includes(`on brick ${brick}`)) ||
      others.some((other) => line.startsWith(`${other}: links is `) && line.includes(`on brick ${brick}`)),
  );
}

const LINKS = /^(.+): links is (\d+) on brick (\d+), (\d+) on (?:brick )?(\d+)$/;

/** All links but those that wait for the janitor are the same. */
function isOfLandfill(line: string, directories: readonly string[]): boolean {
  const [, path, ...numbers] = LINKS.exec(line) ?? [];
  if (path === undefined) return false;
  const [links, brick, others, other] = numbers.map(Number) as [number, number, number, number];
  const [first, second] = [directories[brick]!, directories[other]!];
  return links - linksInLandfill(first, path) === others - linksInLandfill(second, path);
}

/** What a client would see: of one brick, or put together of fragments. */
interface Copy {
  /** By path below the round's directory. */
  readonly contents: ReadonlyMap<string, Buffer>;
  readonly gfids: ReadonlyMap<string, string>;
}

function badBlocks({ contents }: Copy, { directory }: Tree, files: readonly BlockFile[]): string[] {
  return files.flatMap(({ path, shift, oracle }) => {
    const bytes = contents.get(path.slice(directory.length + 1))?.subarray(shift) ?? Buffer.alloc(0);
    return Array.from({ length: oracle.length }, (_, block) => {
      const part = bytes.subarray(block * blockSize, (block + 1) * blockSize);
      // Past the end of the file: fine where nothing needs to have been written.
      if (part.length === 0 && oracle.allowed(block).includes(0)) return [];
      const bad = oracle.judge(block, part);
      if (bad === undefined) return [];
      const { found, allowed } = bad;
      return `${path} block ${block}: generation ${found.generation} (${found.fault ?? 'whole'}), ${allowed} would be right`;
    }).flat();
  });
}

function misplaced(
  { contents, gfids }: Copy,
  tree: Tree,
  files: readonly BlockFile[],
  merged: Merged,
): string[] {
  const own = new Set(files.map(({ path }) => path.slice(tree.directory.length + 1)));
  const wrong: string[] = [];
  const explained = new Set<string>();
  const homes = new Map<Moved, string>();
  const where = (thing: Moved): string[] =>
    [...contents]
      .filter(
        ([path, bytes]) =>
          isContentOf(bytes, thing) && path.endsWith(`/${IDENTITY}`) === (thing.kind === 'directory'),
      )
      .map(([path]) => path);
  const pathOf = (place: Place | undefined): string | undefined => {
    if (place === undefined || place.parent === undefined) return place?.name;
    const home = homes.get(place.parent);
    return home === undefined ? undefined : `${home}/${place.name}`;
  };
  const isMerged = (place: Place | undefined): boolean => {
    if (place === undefined || merged === 'any') return place !== undefined;
    const home = place.parent === undefined ? '' : homes.get(place.parent);
    return home !== undefined && merged.has(gfids.get(join(tree.directory, home)) ?? '');
  };
  for (const kind of ['directory', 'file'] as const)
    for (const thing of tree.things.filter((one) => one.kind === kind)) {
      const found = where(thing);
      for (const path of found) explained.add(path);
      const at = found.map((path) => (kind === 'directory' ? path.slice(0, -IDENTITY.length - 1) : path));
      if (kind === 'directory' && at.length === 1) homes.set(thing, at[0]!);
      const right = thing.places.map(pathOf);
      const kept = thing.former.filter(isMerged).map(pathOf);
      const rest = at.filter((path) => !kept.includes(path));
      const isThere = at.some((path) => right.includes(path)) || thing.places.includes(undefined);
      const isOnce = rest.length <= 1 || thing.places.some(isMerged);
      const good = isThere && isOnce && rest.every((path) => right.includes(path));
      if (!good) wrong.push(`${kind} ${thing.id} is at [${at}], right would be one of [${right}]`);
    }
  const litter = new Set(tree.litter.map(pathOf));
  for (const { former } of tree.removed)
    for (const place of former) if (isMerged(place)) litter.add(pathOf(place));
  for (const path of contents.keys()) {
    const top = path.split('/', 1)[0]!;
    const inLitter = [...litter].some(
      (place) => place !== undefined && (path === place || path.startsWith(`${place}/`)),
    );
    if (!explained.has(path) && !own.has(path) && !inLitter && top !== 'in-the-dark')
      wrong.push(`${path} is nobody's`);
  }
  return wrong;
}

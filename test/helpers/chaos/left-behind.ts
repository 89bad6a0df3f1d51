import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestVolume } from '../volume.ts';
import { gfidsBelow } from './disk.ts';

/** A name that stays on one brick. Paths are below the brick. */
export interface LeftBehind {
  readonly brick: number;
  readonly path: string;
  /** Other names of the same file there: it has more links than on other bricks. */
  readonly others: readonly string[];
}

const PUT_ASIDE =
  /Rename to \.glusterfs-anonymous-inode-\S+ dir (\S+)\/(\S+) \((\S+)\) on (\S+)-client-(\d+) successful/g;

/**
 * Names that GlusterFS's self-heal daemon (10.3) says to have put aside, and that are still there. It renames them to one by the
 * file's gfid; where the file has been put aside before under another name, and that was not removed yet, rename(2) leaves both
 * names of the one file and reports success. Nothing is marked: no heal comes by again.
 */
export function leftBehind(
  volume: TestVolume,
  directories: readonly string[],
  directory: string,
): LeftBehind[] {
  const logs = new Set(volume.bricks.map(({ node }) => join(node.logDirectory, 'glustershd.log')));
  const said = [...logs]
    .filter((path) => existsSync(path))
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(PUT_ASIDE)]);
  return directories.flatMap((root, brick) => {
    const gfids = gfidsBelow(root, directory);
    return [...gfids].flatMap(([path, gfid]): LeftBehind[] => {
      const at = path.lastIndexOf('/');
      const [parent, name] = [gfids.get(path.slice(0, at)), path.slice(at + 1)];
      const isSaid = said.some(
        ([, inside, what, whose, of, index]) =>
          inside === parent &&
          what === name &&
          whose === gfid &&
          of === volume.name &&
          Number(index) === brick,
      );
      if (!isSaid) return [];
      const others = [...gfids].filter(([other, its]) => its === gfid && other !== path);
      return [{ brick, path, others: others.map(([other]) => other) }];
    });
  });
}

/**
 * Links of a brick's file in GlusterFS's landfill: directories that a heal removes whole are moved there, and stay with all that
 * was in them until the brick's janitor comes by, minutes later.
 */
export function linksInLandfill(root: string, path: string): number {
  const landfill = join(root, '.glusterfs/landfill');
  if (!existsSync(landfill)) return 0;
  const { ino } = lstatSync(join(root, path));
  return readdirSync(landfill, { recursive: true, encoding: 'utf8' }).filter(
    (name) => lstatSync(join(landfill, name)).ino === ino,
  ).length;
}

import { isGlfsError } from '../../../../errors.ts';
import { type Gfid, gfidEquals, gfidFromString, ROOT_GFID } from '../../../../protocol/gfid.ts';
import { isDirectory } from '../../../../protocol/iatt.ts';
import type { Place } from '../../../../syscalls.ts';
import { decodeText, encodeText } from '../../../../xdr/index.ts';
import type { PosixBrick } from '../brick.ts';
import { joined, lookAt } from '../handles.ts';
import { GFID2PATH } from './names.ts';

/** Path of a directory in the volume, `/` for its root; `undefined` where the brick has no such directory. */
export function directoryPath(brick: PosixBrick, gfid: Gfid): string | undefined {
  if (gfidEquals(gfid, ROOT_GFID)) return '/';
  try {
    const path = brick.pathOf(gfid);
    const inside = path.subarray(0, brick.root.length).equals(brick.root);
    // One too long for the kernel is reached by way of a descriptor.
    return inside ? decodeText(path.subarray(brick.root.length)) : undefined;
  } catch (error) {
    if (isGlfsError(error, 'ESTALE')) return undefined;
    throw error;
  }
}

/**
 * Paths of a file in the volume: a directory's by its handles, any other's by the attributes that each of its names has left
 * on it. Empty where they can't be known.
 */
export function pathsOf(brick: PosixBrick, place: Place, gfid: Gfid): string[] {
  const single = isDirectory({ mode: Number(brick.store.stat(place).mode) });
  if (single) return [directoryPath(brick, gfid)].filter((path) => path !== undefined);
  return brick.store
    .list(place)
    .filter((name) => name.startsWith(GFID2PATH))
    .flatMap((name) => {
      const value = decodeText(brick.store.get(place, name) ?? Buffer.alloc(0));
      const directory = gfidFromString(value.slice(0, 36));
      const parent = directoryPath(brick, directory);
      if (parent === undefined || !leadsTo(brick, place, directory, value.slice(37))) return [];
      return [`${parent === '/' ? '' : parent}/${value.slice(37)}`];
    });
}

/** A crash may have left the note of a name that the file has not got yet, or has no more. */
function leadsTo(brick: PosixBrick, place: Place, directory: Gfid, name: string): boolean {
  const entry = lookAt(joined(brick.pathOf(directory), encodeText(name)));
  return entry !== undefined && entry.ino === brick.store.stat(place).ino;
}

import { xxh64 } from '../../../checksum/xxh64.ts';
import { type Gfid, gfidToString } from '../../../protocol/gfid.ts';
import type { Place } from '../../../syscalls.ts';
import { afterwards } from './aftermath.ts';
import type { PosixBrick } from './brick.ts';

export const GFID2PATH_PREFIX = 'trusted.gfid2path.';
/** GlusterFS gives no more names than these to one file. */
const MOST = 500;

/*
 * A file that is no directory has an attribute for each of its names:
 *   trusted.gfid2path.<XXH64 of the value, seed 0, 16 hex digits> = <gfid of the parent as UUID>/<name>
 */
function attributeOf(parent: Gfid, name: Uint8Array): { key: string; value: Buffer } {
  const value = Buffer.concat([Buffer.from(`${gfidToString(parent)}/`, 'latin1'), name]);
  return { key: GFID2PATH_PREFIX + xxh64(value).toString(16).padStart(16, '0'), value };
}

/** Notes that the file has the name in the directory `parent`. */
export function noteName(brick: PosixBrick, place: Place, parent: Gfid, name: Uint8Array, links = 1): void {
  if (!brick.options.gfid2path || links > MOST) return;
  const { key, value } = attributeOf(parent, name);
  brick.store.set(place, key, value);
}

/**
 * Gives a file that is there a name by `act`. It is noted first: a crash leaves one too many, which whoever follows it finds
 * out, and never one too few.
 */
export function withNameNoted(
  brick: PosixBrick,
  place: Place,
  parent: Gfid,
  name: Uint8Array,
  act: () => void,
  links = 1,
): void {
  noteName(brick, place, parent, name, links);
  try {
    act();
  } catch (error) {
    afterwards(brick, () => dropName(brick, place, parent, name));
    throw error;
  }
}

/** The file has that name no more. */
export function dropName(brick: PosixBrick, place: Place, parent: Gfid, name: Uint8Array): void {
  if (!brick.options.gfid2path) return;
  const { key } = attributeOf(parent, name);
  // A file from before the option, or one of very many names, has none.
  if (brick.store.get(place, key) !== undefined) brick.store.remove(place, key);
}

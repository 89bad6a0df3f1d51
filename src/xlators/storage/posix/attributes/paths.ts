import { readlinkSync } from 'node:fs';
import { type Gfid, gfidEquals, gfidFromString, gfidToString, ROOT_GFID } from '../../../../protocol/gfid.ts';
import { isDirectory } from '../../../../protocol/iatt.ts';
import type { Place } from '../../../../syscalls.ts';
import { decodeText } from '../../../../xdr/index.ts';
import type { PosixBrick } from '../brick.ts';
import { GFID2PATH } from './names.ts';

/** Directories lie no deeper: a path is 4,096 bytes long at most, and a circle of links must end. */
const DEEPEST = 2048;

/** The handle of a directory is a link `../../aa/bb/<gfid of its parent>/<name>`. */
const HANDLE = /^\.\.\/\.\.\/..\/..\/([0-9a-f-]{36})\/([^/]+)$/s;

/**
 * Path of a directory in the volume, `/` for its root; `undefined` where a handle on the way is missing.
 */
export function directoryPath(brick: PosixBrick, gfid: Gfid): string | undefined {
  const names: string[] = [];
  let at = gfid;
  for (let depth = 0; !gfidEquals(at, ROOT_GFID); depth++) {
    const uuid = gfidToString(at);
    const handle = `/.glusterfs/${uuid.slice(0, 2)}/${uuid.slice(2, 4)}/${uuid}`;
    const match = HANDLE.exec(linkAt(Buffer.concat([brick.root, Buffer.from(handle, 'latin1')])));
    if (match === null || depth > DEEPEST) return undefined;
    names.unshift(match[2]!);
    at = gfidFromString(match[1]!);
  }
  return `/${names.join('/')}`;
}

function linkAt(path: Buffer): string {
  try {
    return decodeText(readlinkSync(path, { encoding: 'buffer' }));
  } catch {
    return '';
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
      const parent = directoryPath(brick, gfidFromString(value.slice(0, 36)));
      return parent === undefined ? [] : [`${parent === '/' ? '' : parent}/${value.slice(37)}`];
    });
}

import { type Gfid, gfidToString } from '../../../../protocol/gfid.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { GFID_KEY, lookAt } from '../handles.ts';

/**
 * The gfid of the file at a name. One that was put into the brick behind its back gets the `wanted` one, unless that is
 * another's; a handle that is missing, after a crash or a copy, is made.
 */
export function giveIdentity(
  brick: BrickDirectory,
  path: Buffer,
  parent: Gfid,
  name: Uint8Array,
  wanted: Gfid | undefined,
): Gfid | undefined {
  const held = brick.gfidOf(path);
  if (brick.readOnly) return held;
  const gfid = held ?? wanted;
  if (gfid === undefined) return undefined;
  const stat = brick.store.stat(path);
  if (!stat.isDirectory() && lookAt(brick.handles.handleOf(gfid))?.ino === stat.ino) return gfid;
  const other = brick.handles.find(gfid);
  if (other !== undefined) {
    const isThis = lookAt(other)?.ino === stat.ino;
    if (isThis) return gfid;
    brick.log.warn({ brick: brick.name, gfid: gfidToString(gfid) }, 'two files of the brick have one gfid');
    return held;
  }
  if (!brick.handles.dropStale(gfid)) return held;
  if (held === undefined) brick.store.set(path, GFID_KEY, gfid);
  if (stat.isDirectory()) brick.handles.linkDirectory(gfid, parent, name);
  else brick.handles.linkFile(path, gfid);
  return gfid;
}

import { GlfsError } from '../../../errors.ts';
import type { Loc } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { gfidEquals, ROOT_GFID } from '../../../protocol/gfid.ts';
import { PREFIX } from './attributes.ts';
import { isInternalDirectory, SHARD_DIRECTORY } from './names.ts';

/** Pid of geo-replication's worker, which carries files to another volume block by block: it sees what there is. */
export const GEO_REPLICATION_PID = -1;

/** @throws GlfsError EPERM for the directory of blocks, and for what is in it, by whatever way. */
export function checkLoc({ inode, parent, name }: Loc): void {
  const inside = parent !== undefined && isInternalDirectory(parent.gfid);
  const itself = name === SHARD_DIRECTORY && parent !== undefined && gfidEquals(parent.gfid, ROOT_GFID);
  if (inside || itself || isInternalDirectory(inode.gfid))
    throw new GlfsError('EPERM', `/${SHARD_DIRECTORY} belongs to the volume itself`);
}

export function isInternalAttribute(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** @throws GlfsError EPERM where an application would change the attributes of a sharded file. */
export function checkAttributes(names: Iterable<string>): void {
  for (const name of names)
    if (isInternalAttribute(name)) throw new GlfsError('EPERM', `'${name}' belongs to the volume itself`);
}

/** A list of attributes without those. */
export function withoutInternal(dict: Dict): Dict {
  const hidden = [...dict.names()].filter(isInternalAttribute);
  if (hidden.length === 0) return dict;
  const rest = dict.clone();
  for (const name of hidden) rest.delete(name);
  return rest;
}

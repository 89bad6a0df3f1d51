import { type Gfid, gfidEquals, gfidFromString, gfidToString } from '../../../protocol/gfid.ts';

/** Directory in the root that holds the blocks of all files but their first, and its gfid in every volume. */
export const SHARD_DIRECTORY = '.shard';
export const SHARD_GFID = gfidFromString('be318638-e8a0-4c6d-977d-7a937aa84806');

/** In it: a marker for each file that is removed while its blocks are still there. */
export const REMOVE_ME_DIRECTORY = '.remove_me';
export const REMOVE_ME_GFID = gfidFromString('77dd5a45-dbf5-4592-b31b-b440382302e9');

/** Name of a block (from 1 on) in the directory of blocks. */
export function blockName(gfid: Gfid, index: number): string {
  return `${gfidToString(gfid)}.${index}`;
}

export function isInternalDirectory(gfid: Gfid): boolean {
  return gfidEquals(gfid, SHARD_GFID) || gfidEquals(gfid, REMOVE_ME_GFID);
}

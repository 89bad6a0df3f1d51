import { GlfsError } from '../errors.ts';
import type { Inode } from '../graph/index.ts';
import { entryBytes } from '../protocol/dict.ts';
import { decodeText } from '../xdr/index.ts';
import type { Call } from './calls.ts';

/** Virtual attribute by which a brick tells the path of a directory that is known by its gfid only. */
const ANCESTRY = 'glusterfs.ancestry.path';

/** Names from the root of the volume down to a directory. @throws GlfsError ESTALE where the servers can't tell. */
export async function ancestryOf(call: Call, inode: Inode): Promise<string[]> {
  if (inode.isRoot) return [];
  const { dict } = await call.fop('getxattr', { loc: { inode, path: call.path }, name: ANCESTRY });
  const entry = dict?.entry(ANCESTRY);
  if (entry === undefined) throw new GlfsError('ESTALE', 'the directory has no known path');
  // As bytes: names need not be UTF-8.
  return decodeText(entryBytes(entry))
    .replace(/\0.*$/s, '')
    .split('/')
    .filter((name) => name !== '');
}

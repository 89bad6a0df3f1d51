import type { CallContext, Inode, Subvolume } from '../../graph/index.ts';
import { Dict, type DictEntry } from '../../protocol/dict.ts';
import type { Iatt } from '../../protocol/iatt.ts';
import { SetattrValid } from '../../protocol/messages.ts';

/** Times by GlusterFS's clients: bricks merge what is set with what they have, so it goes first. */
export const MERGED = 'trusted.glusterfs.mdata';

/** Namespaces of attributes that are on disk; others are answers to questions. */
const NAMESPACES = ['trusted.', 'system.', 'user.', 'security.'];

/** Each brick's own: its marks, its identity, labels of its host, sums of its quota. */
const OWN = new Set([
  'security.selinux',
  'trusted.glusterfs.quota.size',
  'trusted.gfid',
  'trusted.glusterfs.volume-id',
]);
const OWN_PREFIXES = ['trusted.afr.', 'trusted.ec.', 'trusted.gfid2path.'];

/** Whether an extended attribute must be the same on all subvolumes of a set. */
export function isShared(name: string): boolean {
  return (
    NAMESPACES.some((prefix) => name.startsWith(prefix)) &&
    !OWN.has(name) &&
    !OWN_PREFIXES.some((prefix) => name.startsWith(prefix))
  );
}

export function sameAttributes(a: Dict, b: Dict): boolean {
  const names = new Set([...a.names(), ...b.names()].filter(isShared));
  return [...names].every((name) => sameEntry(a.entry(name), b.entry(name)));
}

export function sameEntry(a: DictEntry | undefined, b: DictEntry | undefined): boolean {
  return a !== undefined && b !== undefined && fingerprint(a) === fingerprint(b);
}

/** Text that is the same for entries that are. */
export function fingerprint({ type, value }: DictEntry): string {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('latin1')}`;
  if (typeof value !== 'object') return `${type} ${value}`;
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}` : each));
}

/** Extended attributes of a file that must be the same on all subvolumes of a set. */
export async function sharedAttributes(child: Subvolume, inode: Inode, context: CallContext): Promise<Dict> {
  const { dict } = await child.getxattr({ loc: { inode }, name: '' }, context);
  return new Dict([...(dict ?? [])].filter(([name]) => isShared(name)));
}

interface Metadata {
  readonly stat: Iatt;
  readonly attributes: Dict;
}

/** Gives one subvolume's file the permissions, owner and extended attributes that are right. */
export async function copyMetadata(
  child: Subvolume,
  inode: Inode,
  { stat, attributes }: Metadata,
  context: CallContext,
): Promise<void> {
  const loc = { inode };
  const { UID, GID, MODE } = SetattrValid;
  await child.setattr({ loc, stat, valid: UID | GID | MODE }, context);
  const wrong = await sharedAttributes(child, inode, context);
  const changed = new Dict([...attributes].filter(([name, entry]) => !sameEntry(entry, wrong.entry(name))));
  const gone = new Dict(
    [...wrong].filter(([name]) => !attributes.has(name) || (name === MERGED && changed.has(name))),
  );
  // Without a name, all that xdata names; GlusterFS's own healers do it so.
  if (gone.size > 0) await child.removexattr({ loc, name: '', xdata: gone }, context);
  if (changed.size > 0) await child.setxattr({ loc, flags: 0, dict: changed }, context);
}

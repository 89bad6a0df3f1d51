import { GlfsError } from '../../../errors.ts';
import type { Dict } from '../../../protocol/dict.ts';
import type { DistributeState } from './state.ts';

/** Attributes of a directory that are kept equal on all its subvolumes, and healed from the metadata subvolume. */
const healed = new Set([
  'system.posix_acl_access',
  'system.posix_acl_default',
  'trusted.glusterfs.quota.limit-set',
  'trusted.glusterfs.quota.limit-objects',
  'security.selinux',
  'trusted.glusterfs.mdata',
]);

export function isHealed(name: string): boolean {
  return name.startsWith('user.') || healed.has(name);
}

/** Of those: what the metadata subvolume answers alone. `user.…` is merged from all, as GlusterFS does. */
export function isMdsOnly(name: string): boolean {
  return healed.has(name);
}

/**
 * "Attributes" by which GlusterFS's mounts let administrators steer one distribute translator. They need the rebalance
 * process, or change the volume for all others: `gluster volume rebalance` and `remove-brick` are there for that.
 */
const commands = new Set([
  'trusted.distribute.migrate-data',
  'distribute.fix.layout',
  'distribute.directory-spread-count',
  'decommission-brick',
  'glusterfs.dht.nuke',
  'glusterfs.dht.nuke-dir',
]);

/** @throws GlfsError EPERM for attributes that are distribute's own, EOPNOTSUPP for commands in disguise. */
export function refuseInternal(state: DistributeState, names: Iterable<string>): void {
  for (const name of names) {
    if (name.startsWith(state.options['xattr-name']))
      throw new GlfsError('EPERM', `${name} is GlusterFS's own`, { translator: state.name });
    if (commands.has(name))
      throw new GlfsError('EOPNOTSUPP', `${name} is a command for GlusterFS's own mounts`, {
        translator: state.name,
      });
  }
}

/** What only bricks and translators care for, and what one brick says of a directory that means nothing in the whole. */
export function dropInternal(state: DistributeState, dict: Dict): Dict {
  const { layout, mds, commitHash } = state.attributes;
  for (const key of [layout, mds, commitHash]) dict.delete(key);
  for (const name of [...dict.names()]) {
    if (name.startsWith('trusted.glusterfs.quota') || name.startsWith('trusted.pgfid')) dict.delete(name);
  }
  return dict;
}

import { type CallContext, Inode, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { SetattrValid } from '../../../protocol/messages.ts';
import { failures, internalDetached, windAll } from '../wind.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';
import { isHealed } from './xattr-names.ts';

const QUOTA = ['trusted.glusterfs.quota.limit-set', 'trusted.glusterfs.quota.limit-objects'];

/** The attributes of a directory that its other subvolumes should have too. */
export async function readHealable(directory: Inode, from: Subvolume, context: CallContext): Promise<Dict> {
  const { dict } = await from.getxattr({ loc: { inode: directory }, name: '' }, internalDetached(context));
  return new Dict([...(dict ?? [])].filter(([name]) => isHealed(name)));
}

/** As readHealable, for a directory about to be made; none where they can't be read. */
export async function copyHealable(
  state: DistributeState,
  stat: Iatt,
  from: Subvolume,
  context: CallContext,
): Promise<Dict> {
  try {
    return await readHealable(new Inode(stat.gfid, 'directory'), from, context);
  } catch (error) {
    state.log.warn({ translator: state.name, subvolume: from.name, error }, 'attributes could not be read');
    return new Dict();
  }
}

/** Brings the attributes from the metadata subvolume to all others, and then says so in the mark. */
export async function healXattrs(
  state: DistributeState,
  directory: Inode,
  mds: Subvolume,
  context: CallContext,
): Promise<void> {
  const dict = await readHealable(directory, mds, context);
  if (dict.size === 0) return;
  const others = state.children.filter((child) => child !== mds);
  const answers = await windAll(others, (child) => {
    const xdata = new Dict().set(marks.syncXattrs, 1);
    if (QUOTA.some((name) => dict.has(name))) xdata.set(keys.internalFop, 1);
    return child.setxattr(
      { loc: { inode: directory }, flags: 0, dict: dict.clone(), xdata },
      internalDetached(context),
    );
  });
  if (failures(answers).length === 0) await markMds(state, directory, mds, context);
}

/** Marks the metadata subvolume of a directory, with nothing pending. */
export async function markMds(
  state: DistributeState,
  directory: Inode,
  mds: Subvolume,
  context: CallContext,
): Promise<void> {
  const dict = new Dict().set(state.attributes.mds, new Uint8Array(4));
  try {
    await mds.setxattr({ loc: { inode: directory }, flags: 0, dict }, internalDetached(context));
  } catch (error) {
    state.log.debug({ translator: state.name, subvolume: mds.name, error }, 'the mds mark could not be set');
  }
}

/** Mode, owner and times of a directory, on some of its subvolumes. What fails is only logged. */
export async function setAttributes(
  state: DistributeState,
  directory: Inode,
  stat: Iatt,
  children: readonly Subvolume[],
  context: CallContext,
): Promise<void> {
  const { MODE, UID, GID, ATIME, MTIME } = SetattrValid;
  const valid = MODE | UID | GID | ATIME | MTIME;
  const answers = await windAll(children, (child) =>
    child.setattr({ loc: { inode: directory }, stat, valid }, internalDetached(context)),
  );
  for (const { child, error } of failures(answers)) {
    const details = { translator: state.name, subvolume: child.name, directory: `${directory}`, error };
    state.log.warn(details, 'attributes of a directory could not be healed');
  }
}

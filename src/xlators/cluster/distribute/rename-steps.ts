import { type GlfsError, isGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  Inode,
  type Reply,
  type Request,
  type Subvolume,
} from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { internalDetached, wind } from '../wind.ts';
import { type Entry, healLinktoOwner, lookAt, placeLinkto } from './linkfile.ts';
import { isLinkto } from './merge.ts';
import { marks } from './names.ts';
import { renameMark, requireRights } from './rename-rules.ts';
import type { DistributeState } from './state.ts';

type Rename = Reply<'rename'>;

/** A rename with everything known, and locked, that it depends on. */
export interface FilePlan {
  readonly request: Request<'rename'>;
  readonly inode: Inode;
  readonly stat: Iatt;
  readonly source: Entry;
  readonly target: Entry;
  /** The subvolume that has the file's data, and will have them. */
  readonly data: Subvolume;
  readonly sourceHashed: Subvolume;
  readonly targetHashed: Subvolume;
  /** What bears the new name, and where its data are. */
  readonly old: { readonly child: Subvolume; readonly stat: Iatt } | undefined;
}

/**
 * The data are where the new name hashes to, or where what it replaces has its own: the brick renames, and that is the
 * moment. Linkto files are put right after it.
 */
export async function renameAt(
  state: DistributeState,
  plan: FilePlan,
  context: CallContext,
): Promise<Rename> {
  const { data, source, target, sourceHashed, targetHashed, old } = plan;
  const xdata = new Dict().merge(plan.request.xdata).set(marks.renameTrack, renameMark(source, target));
  const reply = await data.rename({ ...plan.request, xdata }, context);
  const afterwards: Promise<unknown>[] = [];
  if (sourceHashed !== data) afterwards.push(removeLinktoIfRenamed(state, plan, context));
  if (old !== undefined && old.child !== data) afterwards.push(removeOld(state, plan, context));
  if (targetHashed !== data) afterwards.push(pointToData(state, plan, context));
  await Promise.all(afterwards);
  return reply;
}

/**
 * The data are away from where the new name hashes to, and nothing with that name is beside them. They get the new name as a
 * hard link first. Then, on the subvolume that the new name hashes to, a linkto file with the old name is renamed to the
 * new one: that is the moment, and it replaces what was there at one stroke. Then the old name goes.
 */
export async function renameByLink(
  state: DistributeState,
  plan: FilePlan,
  context: CallContext,
): Promise<Rename> {
  await requireRights(plan, context);
  // Only the brick's view of owners is in the way from here on: linkto files are root's at first.
  const root = asRoot(context);
  const { source, data, sourceHashed, targetHashed, old } = plan;
  const made = await placeLinkto(state, pointer(plan, targetHashed, source), context);
  const undoPointer = async (): Promise<void> => {
    if (made && targetHashed !== sourceHashed) await removeLinkto(state, targetHashed, plan, context);
  };
  let linked: Reply<'link'>;
  try {
    linked = await linkNew(plan, root);
  } catch (error) {
    if (isGlfsError(error) && error.outcome === 'failed') await undoPointer();
    throw error;
  }
  try {
    const xdata = new Dict().merge(plan.request.xdata).set(marks.dontAccount, 'yes');
    await targetHashed.rename({ ...plan.request, xdata }, root);
  } catch (error) {
    // Unknown: the new name may stand. Then the link is all that it leads to, and must stay as well.
    if (isGlfsError(error) && error.outcome === 'failed') {
      await removeName(state, data, plan.target, context);
      await undoPointer();
    }
    throw error;
  }
  const [removed] = await Promise.all([
    removeSource(state, plan, context),
    old !== undefined && old.child !== targetHashed ? removeOld(state, plan, context) : undefined,
  ]);
  healLinktoOwner(state, targetHashed, plan.stat, context);
  return {
    // The second name that it had for a moment is gone.
    stat: { ...linked.stat, nlink: plan.stat.nlink },
    prenewparent: linked.preparent,
    postnewparent: linked.postparent,
    preoldparent: removed?.preparent ?? linked.preparent,
    postoldparent: removed?.postparent ?? linked.postparent,
  };
}

function pointer(plan: FilePlan, on: Subvolume, entry: Entry) {
  return { on, target: plan.data, entry, gfid: plan.inode.gfid };
}

function linkNew(
  { request, data, source, target, inode }: FilePlan,
  root: CallContext,
): Promise<Reply<'link'>> {
  const xdata = new Dict()
    .merge(request.xdata)
    .set(marks.internalFop, 'yes')
    // A linkto file of that name would be a stale one: the data of what bears it are elsewhere.
    .set(marks.forceReplace, 'yes');
  if (source.parent === target.parent) xdata.set(marks.dontAccount, 'yes');
  return data.link({ loc: { inode, ...source }, newLoc: { inode, ...target }, xdata }, root);
}

/** The new name's linkto file: in place of the one that led to what was replaced. */
async function pointToData(state: DistributeState, plan: FilePlan, context: CallContext): Promise<void> {
  const { targetHashed, target, stat } = plan;
  const { error } = await wind(targetHashed, () =>
    placeLinkto(state, pointer(plan, targetHashed, target), context),
  );
  if (error === undefined) return healLinktoOwner(state, targetHashed, stat, context);
  warn(state, targetHashed, target, error, 'a linkto file could not be made: the file is found by searching');
}

/** The old name beside the data, and then the linkto file that led there: as long as the one stands the other must. */
async function removeSource(
  state: DistributeState,
  plan: FilePlan,
  context: CallContext,
): Promise<Reply<'unlink'> | undefined> {
  const { data, source, target, sourceHashed, targetHashed } = plan;
  const xdata = new Dict().set(marks.internalFop, 'yes').set(marks.renameTrack, renameMark(source, target));
  if (source.parent === target.parent) xdata.set(marks.dontAccount, 'yes');
  const loc = { inode: new Inode(), ...source };
  const { error, reply } = await wind(data, (child) =>
    child.unlink({ loc, xflags: 0, xdata }, { ...internalDetached(context), stamp: context.stamp }),
  );
  if (error !== undefined && error.code !== 'ENOENT') {
    warn(state, data, source, error, 'the old name of a renamed file stays behind');
    return undefined;
  }
  if (sourceHashed !== targetHashed && sourceHashed !== data) {
    await removeLinkto(state, sourceHashed, plan, context);
  }
  return reply;
}

/**
 * The old name's linkto file, unless the old name still stands: if another client has just linked the file to the new name,
 * the brick found two names of one file, and then does nothing, as POSIX wants it.
 */
async function removeLinktoIfRenamed(
  state: DistributeState,
  plan: FilePlan,
  context: CallContext,
): Promise<void> {
  const { error } = await wind(plan.data, (child) => lookAt(state, child, plan.source, context));
  if (error?.code === 'ENOENT') await removeLinkto(state, plan.sourceHashed, plan, context);
}

/** The old name's linkto file. */
async function removeLinkto(
  state: DistributeState,
  child: Subvolume,
  { source }: FilePlan,
  context: CallContext,
): Promise<void> {
  const xdata = new Dict()
    .set(marks.onlyIfLinkto, 1)
    .set(marks.internalFop, 'yes')
    .set(marks.dontAccount, 'yes');
  const loc = { inode: new Inode(), ...source };
  const { error } = await wind(child, () =>
    child.unlink({ loc, xflags: 0, xdata }, internalDetached(context)),
  );
  if (error !== undefined && error.code !== 'ENOENT') {
    warn(state, child, source, error, 'a linkto file stays behind');
  }
}

/** The data of what bore the new name, where the rename on the brick has not replaced them. */
async function removeOld(state: DistributeState, plan: FilePlan, context: CallContext): Promise<void> {
  const { child } = plan.old!;
  const there = await wind(child, () => lookAt(state, child, plan.target, context));
  if (there.reply === undefined || isLinkto(there.reply.stat, there.reply.xdata, state.attributes)) return;
  await removeName(state, child, plan.target, context);
}

async function removeName(
  state: DistributeState,
  child: Subvolume,
  entry: Entry,
  context: CallContext,
): Promise<void> {
  const xdata = new Dict().set(marks.internalFop, 'yes');
  const loc = { inode: new Inode(), ...entry };
  const { error } = await wind(child, () =>
    child.unlink({ loc, xflags: 0, xdata }, internalDetached(context)),
  );
  if (error !== undefined && error.code !== 'ENOENT') warn(state, child, entry, error, 'a name stays behind');
}

function warn(
  state: DistributeState,
  child: Subvolume,
  { name }: Entry,
  error: GlfsError,
  message: string,
): void {
  state.log.warn({ translator: state.name, subvolume: child.name, name, error }, message);
}

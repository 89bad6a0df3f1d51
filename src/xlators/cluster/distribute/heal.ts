import { GlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Loc, type Subvolume } from '../../../graph/index.ts';
import { gfidEquals, gfidToString } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { SetattrValid } from '../../../protocol/messages.ts';
import { copyHealable, healXattrs, markMds } from './attribute-heal.ts';
import type { DirectoryView } from './directory-view.ts';
import { COMMIT_INVALID, type Layout } from './layout.ts';
import { healLayout, writeLayout } from './layout-heal.ts';
import { withNamespace } from './locks.ts';
import { marks } from './names.ts';
import { computeLayout } from './new-layout.ts';
import type { DistributeState } from './state.ts';
import { combined, failures, internalDetached, wind, windAll } from './wind.ts';

/** Whether a directory needs anything of what healDirectory does. */
export function needsHeal(state: DistributeState, view: DirectoryView, isRoot: boolean): boolean {
  if (view.stat === undefined) return false;
  if (!view.layout.isGood || view.deviating.length > 0) return true;
  if (isRoot || state.children.length === 1) return false;
  return view.mds === undefined || view.mds.pending > 0;
}

/**
 * Makes a directory the same on all subvolumes: the missing ones, owner and mode, attributes, ranges. While a subvolume
 * is down or fails, nothing is healed: its part can't be known.
 * @returns the layout to use. @throws GlfsError ENOENT where the directory was removed meanwhile.
 */
export async function healDirectory(
  state: DistributeState,
  loc: Loc,
  view: DirectoryView,
  context: CallContext,
): Promise<Layout> {
  const { layout, source } = view;
  const { down, misc } = layout.anomalies;
  if (down > 0 || misc > 0 || source === undefined) return layout;
  const directory = new Inode(source.gfid, 'directory');
  const isRoot = directory.isRoot;
  const missing = layout.entries.filter(({ state }) => state === 'ENOENT' || state === 'ESTALE');

  let made: readonly Subvolume[] = [];
  if (missing.length === 0) await healMarks(state, loc, directory, view, context);
  else if (!isRoot)
    made = await makeMissing(
      state,
      loc,
      view,
      missing.map(({ child }) => child),
      context,
    );

  const changed = [...new Set([...made, ...view.deviating])];
  if (changed.length > 0) await healAttributes(state, directory, view, changed, context);
  // Where the directory is still missing a range would be a hole: whoever can heal it there gives it one.
  if (layout.isGood || made.length < missing.length) return layout;
  return healRanges(state, loc, directory, layout, made, context);
}

/** Extended attributes and the mark of the metadata subvolume, where the directory is everywhere. */
async function healMarks(
  state: DistributeState,
  loc: Loc,
  directory: Inode,
  view: DirectoryView,
  context: CallContext,
): Promise<void> {
  if (directory.isRoot || state.children.length === 1) return;
  if (view.mds === undefined) {
    const hashed = await hashedOf(state, loc, context);
    if (hashed !== undefined) await markMds(state, directory, hashed, context);
    if (hashed !== undefined) state.setMds(loc.inode, hashed);
  } else if (view.mds.pending > 0) {
    const { child } = view.mds;
    state.background('attributes of a directory', () => healXattrs(state, directory, child, context));
  }
}

async function hashedOf(
  state: DistributeState,
  loc: Loc,
  context: CallContext,
): Promise<Subvolume | undefined> {
  if (loc.parent === undefined || loc.name === undefined) return undefined;
  return state.findHashed(loc.parent, loc.name, context);
}

/**
 * Makes the directory where it is missing, with the gfid that it has elsewhere. Under the lock of the name, and only if
 * it still exists somewhere: otherwise a directory that is being removed would rise again.
 */
async function makeMissing(
  state: DistributeState,
  loc: Loc,
  view: DirectoryView,
  suspects: readonly Subvolume[],
  context: CallContext,
): Promise<readonly Subvolume[]> {
  const { parent, name } = loc;
  const hashed = await hashedOf(state, loc, context);
  if (parent === undefined || name === undefined || hashed === undefined) return [];
  const source = view.source!;
  return withNamespace(state, { hashed, parent, name }, context, async () => {
    const missing = await stillMissing(state, parent, name, source, context);
    const wanted = suspects.filter((child) => missing.includes(child));
    if (wanted.length === 0) return [];
    const from = view.mds?.child ?? view.directories[0]!.child;
    const mark = view.mds === undefined && wanted.includes(hashed) ? hashed : undefined;
    const made = await makeOn(state, { parent, name, source, from, mark }, wanted, context);
    if (mark !== undefined && made.includes(mark)) state.setMds(loc.inode, mark);
    return made;
  });
}

interface Missing {
  readonly parent: Inode;
  readonly name: string;
  /** What it shall be. */
  readonly source: Iatt;
  /** Has its extended attributes. */
  readonly from: Subvolume;
  /** Gets the mark of the metadata subvolume, because none has it. */
  readonly mark?: Subvolume;
}

/** @returns the subvolumes that have the directory now. */
async function makeOn(
  state: DistributeState,
  { parent, name, source, from, mark }: Missing,
  children: readonly Subvolume[],
  context: CallContext,
): Promise<readonly Subvolume[]> {
  const xattrs = await copyHealable(state, source, from, context);
  const answers = await windAll(children, (child) => {
    const xdata = xattrs.clone().set(keys.gfidRequest, source.gfid).set(marks.internalContext, HEAL_BIT);
    if (child === mark) xdata.set(state.attributes.mds, new Uint8Array(4));
    const request = { loc: { inode: new Inode(), parent, name }, mode: source.mode, umask: 0, xdata };
    return child.mkdir(request, internalDetached(context));
  });
  const failed = failures(answers).filter(({ error }) => error.code !== 'EEXIST');
  for (const { child, error } of failed) {
    const details = { translator: state.name, subvolume: child.name, name, error };
    state.log.warn(details, 'a missing directory could not be made');
  }
  return children.filter((child) => !failed.some((failure) => failure.child === child));
}

/**
 * Makes a directory again where its removal was begun, with the ranges that it had there. The lock of its name is held.
 * `from` still has it. @throws GlfsError where it hasn't.
 */
export async function restoreDirectory(
  state: DistributeState,
  { inode, parent, name }: Loc,
  from: Subvolume,
  layout: Layout,
  children: readonly Subvolume[],
  context: CallContext,
): Promise<void> {
  const directory = new Inode(inode.gfid, 'directory');
  const { stat } = await from.stat({ loc: { inode: directory } }, internalDetached(context));
  const mds = state.mdsOf(inode);
  const mark = mds !== undefined && children.includes(mds) ? mds : undefined;
  const made = await makeOn(
    state,
    { parent: parent!, name: name!, source: stat, from, mark },
    children,
    context,
  );
  await setAttributes(state, directory, stat, made, context);
  const entries = layout.entries.filter(({ child }) => made.includes(child));
  await writeLayout(state, directory, layout, entries, context);
}

/** Bit 0 of the bitmap: a mkdir by self-heal, which quota lets pass. */
const HEAL_BIT = Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 1 : 0));

async function stillMissing(
  state: DistributeState,
  parent: Inode,
  name: string,
  source: Iatt,
  context: CallContext,
): Promise<Subvolume[]> {
  const answers = await windAll(state.children, (child) =>
    child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, internalDetached(context)),
  );
  const failed = failures(answers);
  const absent = failed.filter(({ error }) => error.code === 'ENOENT' || error.code === 'ESTALE');
  if (absent.length === state.children.length) throw combined(absent, state.name);
  const other = answers.find(({ reply }) => reply !== undefined && !gfidEquals(reply.stat.gfid, source.gfid));
  if (other !== undefined) {
    const { child, reply } = other;
    const found = gfidToString(reply!.stat.gfid);
    throw new GlfsError(
      'ESTALE',
      `'${name}' is ${found} on ${child.name}, not ${gfidToString(source.gfid)}`,
      {
        translator: state.name,
      },
    );
  }
  return absent.map(({ child }) => child);
}

/** Mode, owner and times on subvolumes where they differ. */
async function healAttributes(
  state: DistributeState,
  directory: Inode,
  view: DirectoryView,
  children: readonly Subvolume[],
  context: CallContext,
): Promise<void> {
  // Read once more: somebody may be changing them, the metadata subvolume first.
  const again =
    view.mds &&
    (await wind(view.mds.child, (child) =>
      child.stat({ loc: { inode: directory } }, internalDetached(context)),
    ));
  const source = again?.reply?.stat ?? view.source!;
  await setAttributes(state, directory, source, children, context);
}

async function setAttributes(
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

async function healRanges(
  state: DistributeState,
  loc: Loc,
  directory: Inode,
  layout: Layout,
  made: readonly Subvolume[],
  context: CallContext,
): Promise<Layout> {
  const present = layout.entries.map((entry) =>
    made.includes(entry.child) ? { ...entry, state: 'ok' as const } : entry,
  );
  const base = layout.with({ entries: present });
  const known = state.contextOf(loc.inode);
  if (known.path !== undefined) state.contextOf(directory).path = known.path;
  const wanted = base.isWhole ? base : await computeLayout(state, directory, base, COMMIT_INVALID, context);
  const request = { directory, wanted, locked: state.children, madeDirectories: made.length > 0 };
  try {
    return await healLayout(state, request, context);
  } catch (error) {
    state.log.warn(
      { translator: state.name, directory: `${directory}`, error },
      'a layout could not be healed',
    );
    return layout;
  }
}

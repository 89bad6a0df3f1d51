import { type CallContext, Inode, type Loc, type Subvolume } from '../../../graph/index.ts';
import { internalDetached, wind } from '../wind.ts';
import { healXattrs, markMds, setAttributes } from './attribute-heal.ts';
import type { DirectoryView } from './directory-view.ts';
import { COMMIT_INVALID, type Layout } from './layout.ts';
import { healLayout } from './layout-heal.ts';
import { makeMissing } from './missing-directory.ts';
import { computeLayout } from './new-layout.ts';
import type { DistributeState } from './state.ts';

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

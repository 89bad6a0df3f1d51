import { GlfsError } from '../../../errors.ts';
import type { CallContext, Loc, Reply } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { type Answer, combined, windAll } from '../wind.ts';
import { type DirectoryView, viewDirectory } from './directory-view.ts';
import { healDirectory, needsHeal } from './heal.ts';
import { asDirectory } from './merge.ts';
import { notePath } from './paths.ts';
import type { DistributeState } from './state.ts';

type Lookup = Reply<'lookup'>;

/** What a lookup on all subvolumes came to: the directory, or that something else bears the name too. */
export type DirectoryOutcome = { reply: Lookup } | { search: true };

/**
 * A lookup of a directory on all subvolumes; `known` are answers that are there already. Heals what is amiss.
 * @throws GlfsError what the subvolumes failed with, where none of them has the directory.
 */
export async function lookupDirectory(
  state: DistributeState,
  loc: Loc,
  xdata: Dict,
  context: CallContext,
  known: readonly Answer<Lookup>[] = [],
): Promise<DirectoryOutcome> {
  const asked = new Map(known.map((answer) => [answer.child, answer]));
  const rest = state.children.filter((child) => !asked.has(child));
  const fresh = await windAll(rest, (child) =>
    child.lookup({ loc, flags: 0, xdata: xdata.clone() }, context),
  );
  for (const answer of fresh) asked.set(answer.child, answer);
  const answers = state.children.map((child) => asked.get(child)!);
  const isRoot = loc.inode.isRoot;
  const view = viewDirectory(state, answers, isRoot);
  // A directory without gfid (ENODATA), or something else under the name: the subvolumes don't agree on what it is.
  if (view.strangers.length > 0 || view.failed.some(({ error }) => error.code === 'ENODATA')) {
    return { search: true };
  }
  if (view.stat === undefined) throw combined(view.failed, state.name);
  refuseOther(state, loc, view.stat);
  return { reply: await settleDirectory(state, loc, view, context) };
}

/**
 * Before anything learnt is kept: it must be of this inode.
 * @throws GlfsError ESTALE where a name that was known bears another file by now.
 */
export function refuseOther(state: DistributeState, { inode, name }: Loc, stat: Iatt): void {
  if (!inode.known || gfidEquals(inode.gfid, stat.gfid)) return;
  throw new GlfsError('ESTALE', `'${name ?? inode}' is another file now`, { translator: state.name });
}

/** Heals the directory if it must be, and keeps what was learnt of it. */
export async function settleDirectory(
  state: DistributeState,
  loc: Loc,
  view: DirectoryView,
  context: CallContext,
): Promise<Lookup> {
  const { inode } = loc;
  const isRoot = inode.isRoot;
  if (view.stat === undefined) throw combined(view.failed, state.name);
  notePath(state, loc);
  if (isRoot) noteCommitHash(state, view);
  state.contextOf(inode).cached = undefined;
  if (view.mds !== undefined) state.setMds(inode, view.mds.child);
  const heal = needsHeal(state, view, isRoot);
  const layout = heal ? await healDirectory(state, loc, view, context) : view.layout;
  state.setLayout(inode, layout);
  return {
    stat: view.stat,
    postparent: asDirectory(view.postparent ?? view.stat),
    xdata: view.xdata,
  };
}

function noteCommitHash(state: DistributeState, view: DirectoryView): void {
  for (const { reply } of view.directories) {
    const hash = reply.xdata?.get(state.attributes.commitHash);
    if (hash !== undefined) state.commitHash = hash;
  }
  state.commitHashKnown = true;
}

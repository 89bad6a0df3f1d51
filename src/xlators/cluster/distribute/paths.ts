import type { CallContext, Inode, Loc } from '../../../graph/index.ts';
import { gfidToString } from '../../../protocol/gfid.ts';
import { internal, wind } from '../wind.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';

/**
 * The path of a directory as this client knows it. Where the ranges of a new directory start, and which subvolume
 * cluster/switch takes, depends on it; nothing that must be right does: a path may be out of date.
 */
export async function pathOf(
  state: DistributeState,
  directory: Inode,
  context: CallContext,
): Promise<string> {
  if (directory.isRoot) return '/';
  const known = state.contextOf(directory);
  known.path ??= await askForPath(state, directory, context);
  return known.path ?? gfidToString(directory.gfid);
}

/** The path of what a loc names, where its parent's is known or can be found. */
export async function entryPath(state: DistributeState, loc: Loc, context: CallContext): Promise<string> {
  if (loc.parent === undefined || loc.name === undefined) return pathOf(state, loc.inode, context);
  return join(await pathOf(state, loc.parent, context), loc.name);
}

/** Remembers the path of a directory that a lookup or mkdir has just found below a parent whose path is known. */
export function notePath(state: DistributeState, loc: Loc): void {
  const parent = parentPath(state, loc);
  if (parent !== undefined && loc.name !== undefined)
    state.contextOf(loc.inode).path = join(parent, loc.name);
}

function parentPath(state: DistributeState, loc: Loc): string | undefined {
  if (loc.parent === undefined) return undefined;
  return loc.parent.isRoot ? '/' : state.contextOf(loc.parent).path;
}

function join(parent: string, name: string): string {
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}

/** Bricks know the paths of directories by the links that they keep for every gfid. */
export async function askForPath(
  state: DistributeState,
  directory: Inode,
  context: CallContext,
): Promise<string | undefined> {
  const { name } = marks.ancestryPath;
  for (const child of state.upChildren) {
    const { reply } = await wind(child, () =>
      child.getxattr({ loc: { inode: directory }, name }, internal(context)),
    );
    const path = reply?.dict?.get(marks.ancestryPath);
    if (path?.startsWith('/')) return path.length > 1 ? path.replace(/\/+$/, '') : path;
  }
  return undefined;
}

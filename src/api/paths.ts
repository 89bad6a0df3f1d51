import { type ErrnoCode, GlfsError, isGlfsError } from '../errors.ts';
import { Inode, type Loc } from '../graph/index.ts';
import type { Iatt } from '../protocol/iatt.ts';
import { keys } from '../protocol/keys.ts';
import { ancestryOf } from './ancestry.ts';
import type { Call } from './calls.ts';
import { linkTarget } from './link-targets.ts';
import { parsePath } from './names.ts';
import { Recent } from './recent.ts';
import { rootStep, type Step } from './scope.ts';
import type { Path } from './types.ts';

/** Symbolic links that one path may lead through. */
export const MAX_LINKS = 40;
/** How often a call is tried when it met something that was replaced meanwhile. */
const TRIES = 3;
const PATH_MAX = 4096;

/** A file that a path led to, looked up just now. */
export interface Found {
  readonly inode: Inode;
  readonly loc: Loc;
  readonly stat: Iatt;
  /** Nobody knows whether `stat` is right: STAT does, or fails. */
  readonly doubtful: boolean;
  readonly step: Step;
}

/** Where an entry is, or is to be. */
export interface Place {
  readonly parent: Inode;
  readonly name: string;
  readonly step: Step;
  /** The path ended in `/`. */
  readonly trailing: boolean;
}

/** What a call on an entry fails with where the path ends in something that has no entry of its own. */
export type Reserved = ErrnoCode | Readonly<Record<'/' | '.' | '..', ErrnoCode>>;

/** One way through the tree. */
interface Walk {
  readonly call: Call;
  /** Directories on the way may be those that were seen a moment ago. */
  readonly trusting: boolean;
  links: number;
}

/**
 * Runs `work` on what a path names. An ESTALE, by which bricks say that a directory on the way is not what it was, makes
 * everything be looked up afresh and done again.
 */
export async function atPath<T>(
  call: Call,
  path: Path,
  follow: boolean,
  work: (found: Found) => Promise<T>,
): Promise<T> {
  return fresh(async (trusting) => work(await find({ call, trusting, links: 0 }, path, follow)));
}

/** As `atPath`, for calls on entries: the last name is not looked up. @throws GlfsError as `reserved` says, where it is none. */
export async function atPlace<T>(
  call: Call,
  path: Path,
  reserved: Reserved,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  return fresh(async (trusting) => work(await place({ call, trusting, links: 0 }, path, reserved)));
}

/** As `atPath`, starting at `start`. */
export async function atPathFrom<T>(
  call: Call,
  start: Step,
  path: Path,
  follow: boolean,
  work: (found: Found) => Promise<T>,
): Promise<T> {
  return fresh(async (trusting) => work(await find({ call, trusting, links: 0 }, path, follow, start)));
}

/** Repeats what ran into a directory that is gone, from then on without trust in what was seen before. */
export async function fresh<T>(attempt: (trusting: boolean) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(tries === 1);
    } catch (error) {
      // `unknown` is never ESTALE's outcome, but a repeated mutation must not depend on that.
      const again = isGlfsError(error, 'ESTALE') && error.outcome === 'failed';
      if (!again || tries === TRIES) throw error;
    }
  }
}

async function find(walk: Walk, path: Path, follow: boolean, start = walk.call.scope.start): Promise<Found> {
  const { absolute, names, trailing } = parsePath(path);
  const from = absolute ? rootStep(walk.call.scope.mount) : start;
  // `dir/` is `dir/.`: it follows a link, and fails with ENOTDIR at what is no directory.
  return descend(walk, from, trailing ? [...names, '.'] : [...names], follow);
}

/** Finds the directory that an entry is in, starting at `start`. */
export async function placeOf(
  call: Call,
  path: Path,
  reserved: Reserved,
  trusting: boolean,
  start?: Step,
): Promise<Place> {
  return place({ call, trusting, links: 0 }, path, reserved, start);
}

async function place(
  walk: Walk,
  path: Path,
  reserved: Reserved,
  start = walk.call.scope.start,
): Promise<Place> {
  const { absolute, names, trailing } = parsePath(path);
  const last = names.at(-1) ?? '/';
  if (last === '/' || last === '.' || last === '..')
    throw new GlfsError(typeof reserved === 'string' ? reserved : reserved[last]);
  const from = absolute ? rootStep(walk.call.scope.mount) : start;
  const step = await descendTo(walk, from, names.slice(0, -1));
  return { parent: step.inode, name: last, step, trailing };
}

/** Follows `names` to a directory whose attributes nobody asks for. @throws GlfsError ENOTDIR */
async function descendTo(walk: Walk, from: Step, names: string[]): Promise<Step> {
  if (names.length === 0) return from;
  const at = await steps(walk, from, names, true);
  requireDirectory(at.step.inode);
  return at.step;
}

/** Follows `names` and brings the attributes of what is at their end, as the servers have them now. */
async function descend(walk: Walk, from: Step, names: string[], follow: boolean): Promise<Found> {
  const { step, stat, doubtful } = await steps(walk, from, [...names], follow, true);
  const loc = locOf(step, walk.call.path);
  if (stat !== undefined) return { inode: step.inode, loc, stat, doubtful, step };
  const again = await lookupInode(walk.call, step.inode);
  return { inode: step.inode, loc, stat: again.stat, doubtful: again.doubtful, step };
}

/** The walk itself: names are taken from the front of `pending`, targets of links are put there. */
async function steps(
  walk: Walk,
  from: Step,
  pending: string[],
  follow: boolean,
  lastIsFresh = false,
): Promise<{ step: Step; stat: Iatt | undefined; doubtful: boolean }> {
  const { call } = walk;
  let step = from;
  let stat: Iatt | undefined;
  let doubtful = false;
  while (pending.length > 0) {
    const name = pending.shift()!;
    requireDirectory(step.inode);
    if (name === '.' || name === '..') {
      if (name === '..') step = await parentOf(call, step);
      stat = undefined;
      continue;
    }
    const last = pending.length === 0;
    const child = await enter(walk, step.inode, name, last && lastIsFresh);
    if (child.inode.type === 'symlink' && (!last || follow)) {
      if (++walk.links > MAX_LINKS) throw new GlfsError('ELOOP');
      const target = await linkTarget(call, child.inode);
      const { absolute, names, trailing } = parsePath(target);
      pending.unshift(...names, ...(trailing ? ['.'] : []));
      if (absolute) step = rootStep(call.scope.mount);
      stat = undefined;
      continue;
    }
    step = { inode: child.inode, name, parent: step };
    stat = child.stat;
    doubtful = child.doubtful === true;
  }
  return { step, stat, doubtful };
}

interface Child {
  readonly inode: Inode;
  readonly stat?: Iatt;
  readonly doubtful?: boolean;
}

async function enter(walk: Walk, parent: Inode, name: string, afresh: boolean): Promise<Child> {
  const { mount, identity } = walk.call.scope;
  if (!afresh && walk.trusting) {
    const known = mount.inodes.find(parent, name);
    if (known !== undefined && Recent.of(mount).has(parent, known, identity)) return { inode: known };
  }
  return lookupChild(walk.call, parent, name);
}

/** LOOKUP of a name. @throws GlfsError ENOENT */
export async function lookupChild(call: Call, parent: Inode, name: string): Promise<Required<Child>> {
  const { mount, identity } = call.scope;
  const inode = new Inode();
  try {
    const loc = { inode, parent, name, path: call.path };
    const { stat, xdata } = await call.fop('lookup', { loc, flags: 0 });
    const linked = mount.inodes.linkEntry(parent, name, inode, stat);
    Recent.of(mount).add(parent, linked, identity);
    return { inode: linked, stat, doubtful: xdata?.has(keys.doubtful) === true };
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE')) mount.inodes.unlinkEntry(parent, name);
    throw error;
  }
}

/** LOOKUP of an inode by its gfid. @throws GlfsError ESTALE where it is gone. */
export async function lookupInode(call: Call, inode: Inode): Promise<Required<Child>> {
  const { stat, xdata } = await call.fop('lookup', { loc: { inode, path: call.path }, flags: 0 });
  const linked = call.scope.mount.inodes.link(inode, stat);
  return { inode: linked, stat, doubtful: xdata?.has(keys.doubtful) === true };
}

/** `..`: of the root it is the root; where a handle started, the servers are asked. */
async function parentOf(call: Call, step: Step): Promise<Step> {
  const { mount } = call.scope;
  if (step.inode === mount.root) return step;
  if (step.parent !== undefined) return step.parent;
  const names = await ancestryOf(call, step.inode);
  const above = await steps({ call, trusting: false, links: 0 }, rootStep(mount), names.slice(0, -1), false);
  return above.step;
}

function requireDirectory(inode: Inode): void {
  if (inode.type !== 'directory') throw new GlfsError('ENOTDIR');
}

export function locOf(step: Step, path?: string): Loc {
  if (step.parent === undefined) return { inode: step.inode, path };
  return { inode: step.inode, parent: step.parent.inode, name: step.name, path };
}

/** Absolute path of a step. Steps of handles are named by the servers. */
export async function pathOf(call: Call, step: Step): Promise<string> {
  const names: string[] = [];
  let at: Step = step;
  for (; at.parent !== undefined; at = at.parent) names.unshift(at.name);
  if (at.inode !== call.scope.mount.root) names.unshift(...(await ancestryOf(call, at.inode)));
  const path = `/${names.join('/')}`;
  if (path.length > PATH_MAX) throw new GlfsError('ENAMETOOLONG');
  return path;
}

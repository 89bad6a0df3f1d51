import { GlfsError, isGlfsError } from '../../../errors.ts';
import {
  type CallContext,
  detached,
  type Fd,
  Inode,
  type Reply,
  type Subvolume,
} from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { internalDetached, wind } from '../wind.ts';
import { hasLinktoMode, isLinkto } from './merge.ts';
import type { DistributeState } from './state.ts';

/*
 * How a rebalance moves a file from subvolume S to D, as its clients see it in the mode bits of every reply of S:
 *   phase 1  mode has S_ISVTX|S_ISGID, linkto on S names D; D is a linkto file (mode 01000) that names S. The data are
 *            being copied. S is the truth; whatever changes S must be done on D too (mutation.ts).
 *   phase 2  D gets its real mode; S becomes a linkto file (mode 01000) that names D, is emptied, and D's linkto is
 *            removed. D is the truth: what S answered means nothing and is done again on D.
 *   gone     S is unlinked: ENOENT or ESTALE by path and gfid; an open fd still shows phase 2.
 * A file that is under copy may also be given back: S's bits and linkto go, D is emptied and stays a linkto file.
 */

/** What a call is about: the file, and the fd where it has one that is open. */
export interface FileTarget {
  readonly inode: Inode;
  readonly fd?: Fd;
}

/** Where a linkto attribute points; `none`: the subvolume has the file without one; `gone`: it hasn't got the file. */
export type Pointer = Subvolume | 'none' | 'gone';

/** More moves than this within one call are no migration but a loop. */
const MAX_HOPS = 8;

/** The file is not where it was looked for. */
export function isGone(error: unknown): error is GlfsError {
  return isGlfsError(error, 'ENOENT', 'ESTALE');
}

/** The linkto attribute of a file on one subvolume, by the fd where there is one: that reaches an unlinked file too. */
export async function pointerOn(
  state: DistributeState,
  child: Subvolume,
  { inode, fd }: FileTarget,
  context: CallContext,
): Promise<Pointer> {
  const { linkto } = state.attributes;
  const asker = internalDetached(context);
  try {
    const { dict } =
      fd === undefined || fd.anonymous
        ? await child.getxattr({ loc: { inode }, name: linkto.name }, asker)
        : await child.fgetxattr({ fd, name: linkto.name }, asker);
    const name = dict?.get(linkto);
    if (name === undefined) return 'none';
    const pointed = state.childNamed(name);
    if (pointed !== undefined) return pointed;
    throw new GlfsError('EIO', `the file is being moved to ${name}, which this volfile does not have`, {
      translator: state.name,
      gfid: inode.toString(),
    });
  } catch (error) {
    if (isGlfsError(error, 'ENODATA')) return 'none';
    if (isGone(error)) return 'gone';
    throw error;
  }
}

/**
 * Finds out where the file is by now, remembers it as the cached subvolume, and returns it. `hint` is asked first.
 * @throws GlfsError ENOENT or ESTALE where no subvolume has it.
 */
export async function locate(
  state: DistributeState,
  inode: Inode,
  context: CallContext,
  hint?: Subvolume,
): Promise<Subvolume> {
  const asker = internalDetached(context);
  if (hint !== undefined && (await hasData(state, hint, inode, asker))) {
    state.setCached(inode, hint);
    return hint;
  }
  state.forget(inode);
  return state.cachedChild({ inode }, asker);
}

async function hasData(
  state: DistributeState,
  child: Subvolume,
  inode: Inode,
  asker: CallContext,
): Promise<boolean> {
  const reply = await ask(state, child, inode, asker);
  if (reply === undefined || !gfidEquals(reply.stat.gfid, inode.gfid)) return false;
  return !isLinkto(reply.stat, reply.xdata, state.attributes);
}

/** Mode and linkto attribute at one moment. */
async function ask(
  state: DistributeState,
  child: Subvolume,
  inode: Inode,
  asker: CallContext,
): Promise<Reply<'lookup'> | undefined> {
  // The value is the most bytes wanted.
  const xdata = new Dict([[state.attributes.linkto.name, { type: 'uint', value: 256n }]]);
  const loc = { inode: new Inode(inode.gfid) };
  return (await wind(child, () => child.lookup({ loc, flags: 0, xdata }, asker))).reply;
}

/** Whether the mode of linkto files is just the user's choice for this one. */
async function bearsOwnMode(
  state: DistributeState,
  child: Subvolume,
  inode: Inode,
  context: CallContext,
): Promise<boolean> {
  const reply = await ask(state, child, inode, internalDetached(context));
  return (
    reply !== undefined && hasLinktoMode(reply.stat) && !isLinkto(reply.stat, reply.xdata, state.attributes)
  );
}

/**
 * Where to go with a call that found the file moved (or gone) on `child`.
 * @returns undefined where the file is on `child` after all: the mode is its own, not a mark of ours.
 */
export async function whereTo(
  state: DistributeState,
  child: Subvolume,
  target: FileTarget,
  context: CallContext,
  gone: boolean,
): Promise<Subvolume | undefined> {
  const pointer = await pointerOn(state, child, target, context);
  if (pointer === 'none' && !gone) {
    // The answer came from a linkto file that may have become the file itself since: then the call is made again here.
    return (await bearsOwnMode(state, child, target.inode, context)) ? undefined : child;
  }
  const hint = typeof pointer === 'string' || pointer === child ? undefined : pointer;
  await leave(child, target, context);
  try {
    return await locate(state, target.inode, context, hint);
  } catch (error) {
    if (hint === undefined || !isGone(error) || !(await hasOpen(hint, target, context))) throw error;
    state.setCached(target.inode, hint);
    return hint;
  }
}

/**
 * Gives up the fd on a subvolume that the file has been moved away from. Should the file come back there, as a new file of
 * the same gfid, the old fd would still reach the old one, unlinked and empty.
 */
export async function leave(child: Subvolume, { fd }: FileTarget, context: CallContext): Promise<void> {
  if (fd !== undefined && !fd.anonymous) await wind(child, () => child.release({ fd }, detached(context)));
}

/** An unlinked file lives on where it is open. */
async function hasOpen(child: Subvolume, { fd }: FileTarget, context: CallContext): Promise<boolean> {
  if (fd === undefined || fd.anonymous) return false;
  const { reply } = await wind(child, () => child.fstat({ fd }, internalDetached(context)));
  return reply !== undefined && !hasLinktoMode(reply.stat);
}

/** What one attempt on one subvolume came to, as far as it may be wrong because the file has moved. */
export type Attempt<R> = { reply: R; failure?: undefined } | { reply?: undefined; failure: GlfsError };

/**
 * Makes a call on one subvolume. EACCES from a linkto file says nothing of the real one's permissions, and so is `gone`,
 * as is any code in `alsoDoubtful`; everything else that is thrown stays thrown.
 */
export async function attempt<R>(
  child: Subvolume,
  inode: Inode,
  context: CallContext,
  call: (child: Subvolume) => Promise<R>,
  alsoDoubtful: readonly string[] = [],
): Promise<Attempt<R>> {
  try {
    return { reply: await call(child) };
  } catch (error) {
    if (isGone(error)) return { failure: error };
    if (!isGlfsError(error) || (error.code !== 'EACCES' && !alsoDoubtful.includes(error.code))) throw error;
    const asker = internalDetached(context);
    const { reply, error: unseen } = await wind(child, () => child.stat({ loc: { inode } }, asker));
    if (reply === undefined ? !isGone(unseen) : !hasLinktoMode(reply.stat)) throw error;
    return { failure: error };
  }
}

export interface Reading<R> {
  call(child: Subvolume): Promise<R>;
  /** The file's attributes in the reply, by which it is seen to have moved; undefined where it has none. */
  statOf?(reply: R): Iatt | undefined;
  /** Errors that a file which has been emptied would give. */
  doubtful?: readonly string[];
}

/** Runs a call that changes nothing where the file is, going after it when it has been moved. */
export async function followFile<R>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  reading: Reading<R>,
): Promise<R> {
  const { inode } = target;
  if (state.children.length === 1) return reading.call(state.children[0]!);
  let child = state.cachedOf(inode) ?? (await state.cachedChild(target, context));
  for (let hop = 0; ; hop++) {
    const { reply, failure } = await attempt(child, inode, context, reading.call, reading.doubtful);
    if (failure === undefined) {
      const stat = reading.statOf?.(reply as R);
      if (stat === undefined || !hasLinktoMode(stat)) return reply as R;
    }
    const next = await nextHop(state, child, target, context, failure, hop);
    if (next === undefined) {
      if (failure !== undefined) throw failure;
      return reply as R;
    }
    child = next;
  }
}

/**
 * As whereTo, with the bounds that keep it from going round in circles.
 * @throws the failure itself where the file is gone everywhere, EIO after too many moves.
 */
export async function nextHop(
  state: DistributeState,
  child: Subvolume,
  target: FileTarget,
  context: CallContext,
  failure: GlfsError | undefined,
  hop: number,
): Promise<Subvolume | undefined> {
  if (hop >= MAX_HOPS) {
    throw new GlfsError('EIO', `the file keeps moving from subvolume to subvolume`, {
      translator: state.name,
      gfid: target.inode.toString(),
      cause: failure,
    });
  }
  let next: Subvolume | undefined;
  try {
    next = await whereTo(state, child, target, context, failure !== undefined);
  } catch (error) {
    if (failure !== undefined && isGone(error)) throw failure;
    throw error;
  }
  // Still there by all accounts: once is a race with its coming back, twice is the answer. (A linkto file's is none.)
  if (next === child && failure !== undefined && hop > 0) return undefined;
  return next;
}

import { toGlfsError } from '../../../errors.ts';
import { asRoot, type CallContext, detached, Fd, type Inode, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { internalDetached, wind } from '../wind.ts';
import { hasLinktoMode, isMigrating } from './merge.ts';
import { attempt, type FileTarget, isGone, leave, locate, nextHop, pointerOn } from './migration.ts';
import { PerInode } from './per-inode.ts';
import type { DistributeState } from './state.ts';

/**
 * While it stands on the destination, the rebalance's own writes there are refused (EBUSY) and it gives the file back:
 * it could otherwise put older bytes, read before our change, over newer ones.
 */
export const protectWrites = keyKinds.uint('trusted.glusterfs.protect.writes');

/** A change of one file. */
export interface Mutation<R> {
  /**
   * `earlier` is what the same change came to where the file was before, when it took effect there: one that depends on
   * what it finds (append, add) must not do so twice.
   */
  call(child: Subvolume, context: CallContext, earlier?: R): Promise<R>;
  /** The attributes after the change; undefined where the reply tells none. */
  statOf(reply: R): Iatt | undefined;
  /**
   * The same change on the destination of a copy that is under way, given what it came to at the source; must leave the
   * destination with the same content even where the copying process has been there before or comes later. The context
   * is root's: the destination has no permissions yet. `anonymous` goes by gfid: an fd could reach what is left of an
   * earlier copy.
   * @returns the destination's attributes after it.
   */
  mirror(destination: Subvolume, context: CallContext, anonymous: Fd, reply: R): Promise<Iatt | undefined>;
}

/**
 * Files that were seen under copy, with the source. A chmod by someone who does not know wipes the mark from the mode;
 * so the absence of the mark alone does not end a copy.
 */
const copies = new PerInode<Subvolume>();

/** The subvolume from which the file is being copied, as far as we have seen. */
export function copySource(state: DistributeState, target: FileTarget): Subvolume | undefined {
  return copies.get(state, target.inode);
}

export function noteCopy(state: DistributeState, target: FileTarget, source: Subvolume): void {
  copies.set(state, target.inode, source);
}

/** Runs a change where the file is: after it when it has been moved, and on both ends while it is being copied. */
export async function mutateFile<R>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  mutation: Mutation<R>,
): Promise<R> {
  const { inode } = target;
  if (state.children.length === 1) return mutation.call(state.children[0]!, context);
  let child = state.cachedOf(inode) ?? (await state.cachedChild(target, context));
  let earlier: R | undefined;
  for (let hop = 0; ; hop++) {
    const { reply, failure } = await attempt(child, inode, context, (on) =>
      mutation.call(on, context, earlier),
    );
    let next: Subvolume | undefined;
    const stat = failure === undefined ? mutation.statOf(reply as R) : undefined;
    if (failure !== undefined || (stat !== undefined && hasLinktoMode(stat))) {
      next = await nextHop(state, child, target, context, failure, hop);
    } else if ((stat !== undefined && isMigrating(stat)) || copies.get(state, inode) === child) {
      // From here on the change stands on one side only: the caller's impatience must not leave it so.
      next = await carryOver(state, child, target, asRoot(detached(context)), mutation, reply as R);
      earlier = reply as R;
    }
    if (next === undefined) {
      if (failure !== undefined) throw failure;
      return reply as R;
    }
    child = next;
  }
}

/** A destination that is not where the source says is asked for again so often. */
const MAX_TRIES = 3;

/**
 * Repeats a change on the destination of the copy.
 * @returns undefined when both ends have it, or there is but one end; a subvolume where the file has been moved on, and
 *   the whole change must be made again.
 */
async function carryOver<R>(
  state: DistributeState,
  source: Subvolume,
  target: FileTarget,
  context: CallContext,
  mutation: Mutation<R>,
  reply: R,
): Promise<Subvolume | undefined> {
  for (let tries = 1; ; tries++) {
    const destination = await pointerOn(state, source, target, context);
    if (destination === 'none' || destination === source) {
      // Given back, or the bits are the file's own.
      copies.delete(state, target.inode);
      return undefined;
    }
    if (destination === 'gone') return moved(state, source, target, context);
    copies.set(state, target.inode, source);
    try {
      const anonymous = new Fd(target.inode, OpenFlag.RDWR, true);
      const stat = await mutation.mirror(destination, context, anonymous, reply);
      return await settled(state, source, destination, target, context, stat);
    } catch (error) {
      // Gone: the copy was given up and its rest removed, or finished and moved further; the source will say.
      if (!isGone(error) || tries >= MAX_TRIES) throw toGlfsError(error).with({ outcome: 'unknown' });
    }
  }
}

/** Whether the destination was, when the change came there, the end of this copy or the file itself. */
async function settled(
  state: DistributeState,
  source: Subvolume,
  destination: Subvolume,
  target: FileTarget,
  context: CallContext,
  stat: Iatt | undefined,
): Promise<Subvolume | undefined> {
  if (stat !== undefined && !hasLinktoMode(stat)) {
    // It has its real mode: the copy is complete, and what guarded it would be in the way of the next one.
    await unprotect(state, destination, target, context);
    return isMigrating(stat) ? moved(state, source, target, context, destination) : undefined;
  }
  const back = await pointerOn(state, destination, { inode: target.inode }, context);
  if (back === source || back === 'none') return undefined;
  return moved(state, source, target, context, back === 'gone' ? undefined : back);
}

async function moved(
  state: DistributeState,
  source: Subvolume,
  target: FileTarget,
  context: CallContext,
  hint?: Subvolume,
): Promise<Subvolume> {
  copies.delete(state, target.inode);
  await leave(source, target, context);
  return locate(state, target.inode, context, hint);
}

/** Makes the rebalance give up a copy before older data can be put over a change that is about to be made there. */
export async function protect(destination: Subvolume, inode: Inode, context: CallContext): Promise<void> {
  const dict = new Dict().set(protectWrites, 1);
  await destination.setxattr({ loc: { inode }, dict, flags: 0 }, internalDetached(context));
}

async function unprotect(
  state: DistributeState,
  destination: Subvolume,
  { inode }: FileTarget,
  context: CallContext,
): Promise<void> {
  const name = protectWrites.name;
  const { error } = await wind(destination, () =>
    destination.removexattr({ loc: { inode }, name }, internalDetached(context)),
  );
  if (error !== undefined && error.code !== 'ENODATA') {
    state.log.debug({ child: destination.name, gfid: inode.toString(), error }, `${name} stays behind`);
  }
}

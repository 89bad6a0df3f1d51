import { isGlfsError } from '../../../errors.ts';
import { type CallContext, detached, type Inode, type Subvolume } from '../../../graph/index.ts';
import { EntryLockCommand, LockCommand, LockType } from '../../../protocol/messages.ts';
import { hasLinktoMode } from './merge.ts';
import { attempt, type FileTarget, nextHop, pointerOn } from './migration.ts';
import { PerInode } from './per-inode.ts';
import { combined, type DistributeState, failures, internalDetached, successes, windAll } from './state.ts';

/*
 * Locks that callers take: on one subvolume, the file's own, or a directory's metadata subvolume. Unlocks go where locks
 * were taken, wherever the file has gone since. (Distribute's own locks are in locks.ts.)
 */

const lockedOn = new PerInode<Set<Subvolume>>();

function remember(state: DistributeState, inode: Inode, child: Subvolume): void {
  const known = lockedOn.get(state, inode);
  if (known === undefined) lockedOn.set(state, inode, new Set([child]));
  else known.add(child);
}

/**
 * The subvolume for a directory's locks. All clients must choose the same, so no other one stands in for it.
 * @throws GlfsError ENOTCONN where it is down.
 */
async function directoryLockChild(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
): Promise<Subvolume> {
  const [held] = lockedOn.get(state, target.inode) ?? [];
  if (held !== undefined) return held;
  const first = await state.cachedChild(target, context);
  const child = state.mdsOf(target.inode) ?? first;
  if (!state.isUp(child)) throw state.downError(child);
  return child;
}

export interface LockCall<R> {
  readonly command: number;
  readonly type: number;
  call(child: Subvolume, context: CallContext): Promise<R>;
  /** Drops what `call` has taken. */
  undo(child: Subvolume, context: CallContext): Promise<unknown>;
}

export async function lock<R>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  request: LockCall<R>,
): Promise<R> {
  if (request.command !== LockCommand.GET && request.type === LockType.UNLOCK)
    return unlock(state, target, context, (child) => request.call(child, detached(context)));
  if (!(await state.isDirectory(target, context))) return lockFile(state, target, context, request);
  const child = await directoryLockChild(state, target, context);
  const reply = await request.call(child, context);
  if (request.command !== LockCommand.GET) remember(state, target.inode, child);
  return reply;
}

/**
 * A lock on the old place of a file that has been moved guards nothing: other clients lock the new one. As the reply
 * doesn't tell, the mode is asked for behind it; what happens later, the moving process can't do against a lock.
 */
async function lockFile<R>(
  state: DistributeState,
  { inode, fd }: FileTarget,
  context: CallContext,
  request: LockCall<R>,
): Promise<R> {
  const target = { inode, fd };
  const holds = request.command !== LockCommand.GET;
  let child = state.cachedOf(inode) ?? (await state.cachedChild(target, context));
  for (let hop = 0; ; hop++) {
    const { reply, failure } = await attempt(child, inode, context, (on) => request.call(on, context), [
      'EREMOTE',
    ]);
    if (
      failure === undefined &&
      (state.children.length === 1 || !(await hasMoved(state, child, target, context)))
    ) {
      if (holds) remember(state, inode, child);
      return reply as R;
    }
    if (failure === undefined && holds) await request.undo(child, detached(context));
    const next = await nextHop(state, child, target, context, failure, hop);
    if (next === undefined) {
      if (failure !== undefined) throw failure;
      continue;
    }
    child = next;
  }
}

async function hasMoved(
  state: DistributeState,
  child: Subvolume,
  { inode, fd }: FileTarget,
  context: CallContext,
): Promise<boolean> {
  const asker = internalDetached(context);
  const answer = fd === undefined ? child.stat({ loc: { inode } }, asker) : child.fstat({ fd }, asker);
  if (!hasLinktoMode((await answer).stat)) return false;
  return (await pointerOn(state, child, { inode, fd }, context)) !== 'none';
}

/** Subvolumes that no longer have the file have no lock on it either. */
async function unlock<R>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  call: (child: Subvolume) => Promise<R>,
): Promise<R> {
  const known = lockedOn.get(state, target.inode);
  const children = known !== undefined ? [...known] : [await state.cachedChild(target, context)];
  const answers = await windAll(children, call);
  const failed = failures(answers);
  for (const { child, error } of failed) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE')) known?.delete(child);
  }
  // A subvolume that lost its clients lost their locks; EINVAL: this one was not among them.
  const harmless = ['ENOENT', 'ESTALE', 'EINVAL', 'ENOTCONN'] as const;
  const serious = failed.filter(({ error }) => !isGlfsError(error, ...harmless));
  const [first] = successes(answers);
  if (first === undefined || serious.length > 0)
    throw combined(serious.length > 0 ? serious : failed, state.name);
  return first.reply;
}

export async function lockEntry<R>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  command: number,
  call: (child: Subvolume, context: CallContext) => Promise<R>,
): Promise<R> {
  if (command === EntryLockCommand.UNLOCK)
    return unlock(state, target, context, (child) => call(child, detached(context)));
  const child = await directoryLockChild(state, target, context);
  const reply = await call(child, context);
  remember(state, target.inode, child);
  return reply;
}

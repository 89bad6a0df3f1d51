import {
  type CallContext,
  detached,
  type Reply,
  type Request,
  type Subvolume,
} from '../../../graph/index.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { SetattrValid } from '../../../protocol/messages.ts';
import { cleanedBoth } from './file-write.ts';
import { asDirectory, hasLinktoMode, isMigrating, mergeAll } from './merge.ts';
import { attempt, type FileTarget, nextHop, pointerOn } from './migration.ts';
import { copySource, noteCopy } from './mutation.ts';
import { combined, type DistributeState, failures, internalDetached, successes, windAll } from './state.ts';

interface PreAndPost {
  prestat: Iatt;
  poststat: Iatt;
}

/** SETATTR or FSETATTR with the mode that shall be set in place of the caller's, where one is given. */
type SetCall<R> = (child: Subvolume, context: CallContext, mode?: number) => Promise<R>;

export async function setattr(
  state: DistributeState,
  request: Request<'setattr'>,
  context: CallContext,
): Promise<Reply<'setattr'>> {
  const { loc, stat, valid } = request;
  const call: SetCall<Reply<'setattr'>> = (child, caller, mode) =>
    child.setattr(mode === undefined ? request : { ...request, stat: { ...stat, mode } }, caller);
  if (await state.isDirectory(loc, context)) return setOnDirectory(state, loc, context, call);
  const asked = (valid & SetattrValid.MODE) === 0 ? undefined : stat.mode;
  return setOnFile(state, { inode: loc.inode }, context, call, asked);
}

export async function fsetattr(
  state: DistributeState,
  request: Request<'fsetattr'>,
  context: CallContext,
): Promise<Reply<'fsetattr'>> {
  const { fd, stat, valid } = request;
  const call: SetCall<Reply<'fsetattr'>> = (child, caller, mode) =>
    child.fsetattr(mode === undefined ? request : { ...request, stat: { ...stat, mode } }, caller);
  if (await state.isDirectory(fd, context)) return setOnDirectory(state, fd, context, call);
  const asked = (valid & SetattrValid.MODE) === 0 ? undefined : stat.mode;
  return setOnFile(state, { inode: fd.inode, fd }, context, call, asked);
}

/**
 * The metadata subvolume decides: what it refuses is done nowhere, and what others miss is healed from it at their next
 * lookup. The root, and directories without one, take it from whoever answers.
 */
async function setOnDirectory<R extends PreAndPost>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  call: SetCall<R>,
): Promise<R> {
  const known = await state.cachedChild(target, context);
  const mds = state.mdsOf(target.inode) ?? known;
  if (!target.inode.isRoot && !state.isUp(mds)) throw state.downError(mds);
  const first = await windAll([mds], (child) => call(child, context));
  const decisive = first[0]!;
  if (decisive.error !== undefined && !(target.inode.isRoot && decisive.error.code === 'ENOTCONN'))
    throw decisive.error;
  // The decision has been made: it is carried through, whether or not the caller waits for it.
  const others = state.children.filter((child) => child !== mds);
  const rest = await windAll(others, (child) => call(child, detached(context)));
  const answers = [...first, ...rest];
  const good = successes(answers);
  if (good.length === 0) throw combined(failures(answers), state.name);
  for (const { child, error } of failures(answers)) {
    state.log.warn({ child: child.name, gfid: target.inode.toString(), error }, 'attributes await healing');
  }
  const lead = good[0]!.reply;
  const whole = (stats: Iatt[], { mode, uid, gid }: Iatt): Iatt =>
    asDirectory({ ...mergeAll(stats)!, mode, uid, gid });
  return {
    ...lead,
    prestat: whole(
      good.map(({ reply }) => reply.prestat),
      lead.prestat,
    ),
    poststat: whole(
      good.map(({ reply }) => reply.poststat),
      lead.poststat,
    ),
  };
}

const PHASE_1 = 0o3000;
const PERMISSIONS = 0o7777;

function phase2(mode: number): number {
  return (mode & ~PERMISSIONS) | 0o1000;
}

/**
 * The process that moves a file copies its attributes in one stroke at the end, so they are set at the source alone. But
 * a chmod must not wipe the bits by which clients know that the file is being copied, or has been moved: with the first,
 * writes would miss the destination; without the second an empty file would stand for the real one.
 */
async function setOnFile<R extends PreAndPost>(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
  call: SetCall<R>,
  mode: number | undefined,
): Promise<R> {
  const only = state.children.length === 1 ? state.children[0] : undefined;
  if (only !== undefined) return call(only, context);
  let child = state.cachedOf(target.inode) ?? (await state.cachedChild(target, context));
  for (let hop = 0; ; hop++) {
    const marked = mode !== undefined && copySource(state, target) === child ? mode | PHASE_1 : undefined;
    const { reply, failure } = await attempt(child, target.inode, context, (on) => call(on, context, marked));
    if (failure === undefined && !(await misled(state, child, target, context, call, mode, reply as R)))
      return cleanedBoth(reply as R);
    const next = await nextHop(state, child, target, context, failure, hop);
    if (next === undefined) {
      if (failure !== undefined) throw failure;
      return cleanedBoth(reply as R);
    }
    child = next;
  }
}

/**
 * Puts right what a change of mode did to a migration.
 * @returns true where the file had been moved away before: the change must be made at its new place.
 */
async function misled<R extends PreAndPost>(
  state: DistributeState,
  child: Subvolume,
  target: FileTarget,
  context: CallContext,
  call: SetCall<R>,
  mode: number | undefined,
  { prestat, poststat }: R,
): Promise<boolean> {
  if (mode === undefined) return hasLinktoMode(poststat);
  const before = { linkto: hasLinktoMode(prestat), copying: isMigrating(prestat) };
  const marked = copySource(state, target) === child;
  if (!before.linkto && !before.copying && !marked) return false;
  const pointer = await pointerOn(state, child, target, context);
  if (pointer === 'gone') return true;
  // The file's own sticky bit, or a copy that has been given up: if we set the mark on it, off with it.
  const repairs = internalDetached(context);
  if (pointer === 'none') {
    if (marked && isMigrating(poststat)) await call(child, repairs, mode);
    return false;
  }
  if (before.linkto) {
    await call(child, repairs, phase2(mode));
    return true;
  }
  noteCopy(state, target, child);
  if (isMigrating(poststat)) return false;
  const restored = await call(child, repairs, mode | PHASE_1);
  if (!hasLinktoMode(restored.prestat)) return false;
  await call(child, repairs, phase2(mode));
  return true;
}

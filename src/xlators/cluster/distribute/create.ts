import { GlfsError, isGlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Inode, Loc, Reply, Request, Subvolume } from '../../../graph/index.ts';
import { type Dict, withKey } from '../../../protocol/dict.ts';
import { gfidEquals, newGfid } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { internalDetached, wind } from '../wind.ts';
import { healLinktoOwner, lookAt, makeLinkto, removeStaleLinkto } from './linkfile.ts';
import { withNamespace, withStableLayout } from './locks.ts';
import { asDirectory, hasLinktoMode, isLinkto, withoutMigrationBits } from './merge.ts';
import { parentChecks, refreshLayout, withParentCheck } from './parent-check.ts';
import { entryPath } from './paths.ts';
import type { DistributeState } from './state.ts';

/** A file to be made: how, and under which name. */
interface NewFile<R> {
  readonly loc: Loc;
  readonly xdata: Dict;
  /** CREATE lets the brick check the parent's layout; the others are made on trust. */
  readonly checked: boolean;
  make(child: Subvolume, xdata: Dict): Promise<R>;
  /** Gives back what `make` has opened, where it turns out to be another file. */
  abandon?(child: Subvolume): Promise<void>;
}

type Made = { stat: Iatt; preparent: Iatt; postparent: Iatt; xdata?: Dict };

/** Creates and opens a file where its name hashes to, or, where that is full, elsewhere with a linkto file there. */
export async function create(
  state: DistributeState,
  request: Request<'create'>,
  context: CallContext,
): Promise<Reply<'create'>> {
  const xdata = withGfid(request.xdata);
  const { child, reply } = await makeFile(state, context, {
    loc: request.loc,
    xdata,
    checked: true,
    make: (on, marked) => on.create({ ...request, xdata: marked }, context),
    abandon: (on) => dropFd(on, request.fd, context),
  });
  if (hasLinktoMode(reply.stat)) await refuseLinkto(state, request, child, context);
  return reply;
}

/** Makes a device, fifo, socket or plain file. */
export async function mknod(
  state: DistributeState,
  request: Request<'mknod'>,
  context: CallContext,
): Promise<Reply<'mknod'>> {
  const { reply } = await makeFile(state, context, {
    loc: request.loc,
    xdata: withGfid(request.xdata),
    checked: false,
    make: (on, xdata) => on.mknod({ ...request, xdata }, context),
  });
  return reply;
}

/** Symlinks are so small that they always go to their hashed subvolume. */
export async function symlink(
  state: DistributeState,
  request: Request<'symlink'>,
  context: CallContext,
): Promise<Reply<'symlink'>> {
  const { parent, name } = required(request.loc);
  const hashed = await state.hashedChild(parent, name, context);
  const reply = await hashed.symlink({ ...request, xdata: withGfid(request.xdata) }, context);
  return settled(state, request.loc, hashed, reply);
}

function withGfid(xdata: Dict | undefined): Dict {
  return xdata?.has(keys.gfidRequest) ? xdata : withKey(xdata, keys.gfidRequest, newGfid());
}

function required({ parent, name }: Loc): { parent: Inode; name: string } {
  if (parent !== undefined && name !== undefined) return { parent, name };
  throw new GlfsError('EINVAL', 'a parent and a name are needed to make a file');
}

async function makeFile<R extends Made>(
  state: DistributeState,
  context: CallContext,
  file: NewFile<R>,
): Promise<{ child: Subvolume; reply: R }> {
  const { parent, name } = required(file.loc);
  await state.freeSpace.refresh();
  const hashed = await state.hashedChild(parent, name, context);
  if (state.decommissioned.has(hashed)) return makeLocked(state, context, file, hashed);
  if (!file.checked) return makeAt(state, context, file, hashed);
  return withParentCheck(state, parent, name, context, (at) =>
    state.decommissioned.has(at) ? makeLocked(state, context, file, at) : makeAt(state, context, file, at),
  );
}

/**
 * The name hashes to a subvolume that is being removed, so the layout we know is old, or about to change: it is read again
 * and held still while the file is made.
 */
function makeLocked<R extends Made>(
  state: DistributeState,
  context: CallContext,
  file: NewFile<R>,
  old: Subvolume,
): Promise<{ child: Subvolume; reply: R }> {
  const { parent, name } = required(file.loc);
  return withStableLayout(state, parent, old, context, async () => {
    const layout = await refreshLayout(state, parent, context);
    const hashed = layout.search(state.hash.hash(name));
    if (hashed === undefined) throw state.holeError(parent, name);
    return makeAt(state, context, { ...file, checked: false }, hashed, true);
  });
}

async function makeAt<R extends Made>(
  state: DistributeState,
  context: CallContext,
  file: NewFile<R>,
  hashed: Subvolume,
  locked = false,
): Promise<{ child: Subvolume; reply: R }> {
  const entry = required(file.loc);
  const { parent } = entry;
  const target = await choose(state, context, file.loc, hashed);
  if (target !== hashed) {
    const away = (): Promise<{ child: Subvolume; reply: R }> =>
      makeAway(state, context, file, hashed, target);
    return state.names.run([entry], () =>
      locked ? away() : withNamespace(state, { hashed, ...entry }, context, away),
    );
  }
  const xdata = file.checked
    ? file.xdata.clone().merge(parentChecks(state, parent, hashed))
    : file.xdata.clone();
  const reply = await file.make(hashed, xdata);
  return { child: hashed, reply: settled(state, file.loc, hashed, reply) };
}

async function choose(
  state: DistributeState,
  context: CallContext,
  loc: Loc,
  hashed: Subvolume,
): Promise<Subvolume> {
  const { parent } = required(loc);
  const wanted = state.placement.chooses
    ? state.placement.choose(hashed, await entryPath(state, loc, context))
    : hashed;
  if (!state.freeSpace.isFilled(wanted)) return wanted;
  return state.freeSpace.alternative(wanted, await state.layout(parent, context));
}

/** Linkto file first: a file that its name does not lead to would be as good as lost. */
async function makeAway<R extends Made>(
  state: DistributeState,
  context: CallContext,
  file: NewFile<R>,
  hashed: Subvolume,
  target: Subvolume,
): Promise<{ child: Subvolume; reply: R }> {
  const entry = required(file.loc);
  const gfid = file.xdata.get(keys.gfidRequest)!;
  state.names.displace(entry);
  const plan = { on: hashed, target, entry, gfid, xdata: file.xdata };
  const linkto = await makeLinkto(state, plan, context);
  if (linkto.existed && !linkto.isLinkto) {
    // Somebody was faster: let the brick say what that means (EEXIST, or opening it).
    const reply = await file.make(hashed, file.xdata.clone());
    return { child: hashed, reply: settled(state, file.loc, hashed, reply) };
  }
  if (linkto.existed && !gfidEquals(linkto.stat.gfid, gfid)) {
    throw new GlfsError('ESTALE', `'${entry.name}' has been made meanwhile`, { translator: state.name });
  }
  try {
    const reply = await file.make(target, file.xdata.clone());
    if (!gfidEquals(reply.stat.gfid, gfid)) {
      await file.abandon?.(target);
      throw new GlfsError('ESTALE', `another '${entry.name}' is on ${target.name}`, {
        translator: state.name,
      });
    }
    healLinktoOwner(state, hashed, reply.stat, context);
    return { child: target, reply: settled(state, file.loc, target, reply) };
  } catch (error) {
    // With an unknown outcome the file may be there: then the linkto file must stay.
    const failed = isGlfsError(error) && error.outcome === 'failed';
    if (failed && !linkto.existed) await removeStaleLinkto(state, hashed, entry, context);
    throw error;
  }
}

/**
 * CREATE without O_EXCL opens what is there: if that is a linkto file, another client has just made the file elsewhere,
 * and writing here would be writing to nowhere. @throws GlfsError ESTALE: looked up again, the file is found.
 */
async function refuseLinkto(
  state: DistributeState,
  { loc, fd, flags }: Request<'create'>,
  child: Subvolume,
  context: CallContext,
): Promise<void> {
  if ((flags & OpenFlag.EXCL) !== 0) return;
  const found = await lookAt(state, child, required(loc), context);
  if (!isLinkto(found.stat, found.xdata, state.attributes)) return;
  await dropFd(child, fd, context);
  state.forget(loc.inode);
  throw new GlfsError('ESTALE', `'${loc.name}' has been made on another subvolume`, {
    translator: state.name,
  });
}

async function dropFd(child: Subvolume, fd: Fd, context: CallContext): Promise<void> {
  await wind(child, () => child.release({ fd }, internalDetached(context)));
}

function settled<R extends Made>(state: DistributeState, loc: Loc, child: Subvolume, reply: R): R {
  state.setCached(loc.inode, child);
  return {
    ...reply,
    stat: withoutMigrationBits(reply.stat),
    preparent: asDirectory(reply.preparent),
    postparent: asDirectory(reply.postparent),
  };
}

import { GlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Request, type Subvolume } from '../../../graph/index.ts';
import { type Answer, combined, type Failure, transaction, wind, windAll } from '../wind.ts';
import { ensureEmpty } from './emptiness.ts';
import { lookupFresh } from './fresh.ts';
import type { Layout } from './layout.ts';
import { lookAgain } from './linkfile.ts';
import { type HashedName, withNamespace } from './locks.ts';
import { asDirectory } from './merge.ts';
import { restoreDirectory } from './missing-directory.ts';
import type { DistributeState } from './state.ts';

type Rmdir = Reply<'rmdir'>;

/**
 * Removes a directory from all subvolumes, the one that its name hashes to last: as long as it is there, the directory
 * exists. If one refuses, the directory is made again where it went already.
 */
export function rmdir(
  state: DistributeState,
  request: Request<'rmdir'>,
  context: CallContext,
): Promise<Rmdir> {
  const { parent, name } = request.loc;
  const names = parent === undefined || name === undefined ? [] : [{ parent, name }];
  return transaction(context, (own) => state.names.run(names, () => removeDirectory(state, request, own)));
}

async function removeDirectory(
  state: DistributeState,
  request: Request<'rmdir'>,
  context: CallContext,
): Promise<Rmdir> {
  const { inode, parent, name } = request.loc;
  if (parent === undefined || name === undefined)
    throw new GlfsError('EINVAL', 'rmdir needs a parent and a name');
  const directory = inode.known ? inode : await find(state, parent, name, context);
  // With flags the bricks remove what is in it; with rmdir-optimize they look for themselves.
  if (request.xflags === 0 && !state.options['rmdir-optimize']) await ensureEmpty(state, directory, context);
  const hashed = await state.hashedChild(parent, name, context);
  // As it was: an attempt that fails must leave every name where it hashes to.
  const layout = await state.layout(directory, context);
  const place = { hashed, parent, name };
  const { reply, restored } = await withNamespace(state, place, context, async () => {
    // Another of this name would be removed where it is empty, and be left half.
    await lookAgain(state, hashed, place, directory.gfid, context);
    return removeEverywhere(state, request, place, directory, layout, context);
  });
  if (restored) {
    // Attributes and whatever else is left to heal.
    state.background('a directory that could not be removed', () =>
      lookupFresh(state, { inode: new Inode(), parent, name }, undefined, context),
    );
  }
  if (reply.error !== undefined) throw reply.error;
  return {
    ...reply.reply,
    preparent: asDirectory(reply.reply.preparent),
    postparent: asDirectory(reply.reply.postparent),
  };
}

async function find(
  state: DistributeState,
  parent: Inode,
  name: string,
  context: CallContext,
): Promise<Inode> {
  const inode = new Inode();
  inode.learn((await lookupFresh(state, { inode, parent, name }, undefined, context)).stat);
  return inode;
}

interface Removal {
  readonly reply: Answer<Rmdir>;
  readonly restored: boolean;
}

async function removeEverywhere(
  state: DistributeState,
  request: Request<'rmdir'>,
  place: HashedName,
  directory: Inode,
  layout: Layout,
  context: CallContext,
): Promise<Removal> {
  const { hashed } = place;
  const others = state.children.filter((child) => child !== hashed);
  const answers = await windAll(others, (child) => child.rmdir(request, context));
  const gone = answers.filter(({ error }) => error === undefined).map(({ child }) => child);
  const failed = answers.filter(
    (answer): answer is Failure =>
      answer.error !== undefined && answer.error.code !== 'ENOENT' && answer.error.code !== 'ESTALE',
  );
  if (failed.length > 0) {
    await restore(state, place, directory, layout, gone, context);
    return { reply: { child: hashed, error: combined(failed, state.name) }, restored: gone.length > 0 };
  }
  const last = await wind(hashed, (child) => child.rmdir(request, context));
  const { error } = last;
  if (error === undefined || error.code === 'ENOENT' || error.code === 'ESTALE') {
    return { reply: last, restored: false };
  }
  // Perhaps it is gone: to make it again would bring a removed directory back. If it isn't, a lookup heals the others.
  if (error.outcome === 'unknown') return { reply: last, restored: false };
  await restore(state, place, directory, layout, gone, context);
  return { reply: last, restored: gone.length > 0 };
}

async function restore(
  state: DistributeState,
  { hashed, parent, name }: HashedName,
  directory: Inode,
  layout: Layout,
  gone: readonly Subvolume[],
  context: CallContext,
): Promise<void> {
  if (gone.length === 0) return;
  const loc = { inode: directory, parent, name };
  const answer = await wind(hashed, () => restoreDirectory(state, loc, hashed, layout, gone, context));
  if (answer.error !== undefined) {
    const details = { translator: state.name, name, error: answer.error };
    state.log.warn(
      details,
      'a directory that could not be removed is missing on some subvolumes until healed',
    );
  }
}

import { GlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Subvolume } from '../../../graph/index.ts';
import { isDirectory } from '../../../protocol/iatt.ts';
import { type Answer, combined, failures, type Success, successes, wind, windAll } from '../wind.ts';
import { ensureEmpty } from './emptiness.ts';
import { lookAgain } from './linkfile.ts';
import { withNamespaces } from './locks.ts';
import { asDirectory, mergeAll } from './merge.ts';
import { notePath } from './paths.ts';
import type { RenamePlan } from './rename.ts';
import type { DistributeState } from './state.ts';

type Rename = Reply<'rename'>;

/**
 * Renames a directory on all subvolumes: first where the new name hashes to, which decides; then on the others. If one of
 * those fails, it gets its old name back everywhere. The ranges of its names go with it.
 * @throws GlfsError ENOTCONN while any subvolume is down: it would keep the old name.
 */
export async function renameDirectory(
  state: DistributeState,
  plan: RenamePlan,
  context: CallContext,
): Promise<Rename> {
  const down = state.children.find((child) => !state.isUp(child));
  if (down !== undefined) throw state.downError(down);
  const { request, inode, source, target } = plan;
  const from = { ...source, hashed: await state.hashedChild(source.parent, source.name, context) };
  const to = { ...target, hashed: await state.hashedChild(target.parent, target.name, context) };
  return withNamespaces(state, from, to, context, async () => {
    const moving = await lookAgain(state, from.hashed, source, inode.gfid, context);
    if (moving === undefined) throw new GlfsError('ENOENT', undefined, { translator: state.name });
    const existing = await lookAgain(state, to.hashed, target, undefined, context);
    if (existing !== undefined) await requireReplaceable(state, existing, context);
    const call = (child: Subvolume): Promise<Rename> => child.rename(request, context);
    const first = await wind(to.hashed, call);
    const others = state.children.filter((child) => child !== to.hashed);
    const rest = first.error === undefined ? await windAll(others, call) : [];
    const answers: Answer<Rename>[] = [first, ...rest];
    const failed = failures(answers);
    if (failed.length > 0) {
      await undo(state, plan, answers, context);
      throw combined(failed, state.name);
    }
    notePath(state, { ...request.newLoc, inode: plan.inode });
    return merged(successes(answers));
  });
}

/** @throws GlfsError ENOTDIR, ENOTEMPTY */
async function requireReplaceable(
  state: DistributeState,
  { stat }: Reply<'lookup'>,
  context: CallContext,
): Promise<void> {
  if (!isDirectory(stat)) throw new GlfsError('ENOTDIR', undefined, { translator: state.name });
  await ensureEmpty(state, new Inode(stat.gfid, 'directory'), context);
}

/** Where the new name was given, or may have been, the old one is restored. */
async function undo(
  state: DistributeState,
  { request }: RenamePlan,
  answers: readonly Answer<Rename>[],
  context: CallContext,
): Promise<void> {
  const renamed = answers.filter(({ error }) => error === undefined || error.outcome === 'unknown');
  const back = await windAll(
    renamed.map(({ child }) => child),
    (child) =>
      child.rename(
        {
          loc: { ...request.newLoc, inode: request.loc.inode },
          newLoc: { ...request.loc },
          xdata: request.xdata,
        },
        context,
      ),
  );
  for (const { child, error } of failures(back)) {
    const details = { translator: state.name, subvolume: child.name, name: request.newLoc.name, error };
    // ENOENT: it had not been renamed there.
    if (error.code !== 'ENOENT') state.log.error(details, 'a directory could not be given its old name back');
  }
}

function merged(answers: readonly Success<Rename>[]): Rename {
  const all = (key: Exclude<keyof Rename, 'xdata'>): Rename['stat'] => {
    const stat = mergeAll(answers.map(({ reply }) => reply[key]));
    if (stat === undefined) throw new GlfsError('EIO', 'no subvolume has answered');
    return asDirectory(stat);
  };
  return {
    stat: all('stat'),
    preoldparent: all('preoldparent'),
    postoldparent: all('postoldparent'),
    prenewparent: all('prenewparent'),
    postnewparent: all('postnewparent'),
    xdata: answers[0]?.reply.xdata,
  };
}

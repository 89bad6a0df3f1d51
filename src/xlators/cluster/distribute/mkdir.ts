import { GlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Request, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { newGfid } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { type Answer, type Success, successes, transaction, windAll } from '../wind.ts';
import { COMMIT_INVALID, Layout, type LayoutEntry, rangeBytes } from './layout.ts';
import { healLayout } from './layout-heal.ts';
import { withNamespace } from './locks.ts';
import { asDirectory, mergeAll } from './merge.ts';
import { computeLayout } from './new-layout.ts';
import { withParentCheck } from './parent-check.ts';
import { notePath } from './paths.ts';
import type { DistributeState } from './state.ts';

type Mkdir = Reply<'mkdir'>;

/**
 * Makes a directory on all subvolumes: first, under the lock of its name, where the name hashes to, which decides (EEXIST,
 * permissions); then on the others; then the ranges of its names are given out. A subvolume that is down gets it later, by
 * healing.
 */
export function mkdir(
  state: DistributeState,
  request: Request<'mkdir'>,
  context: CallContext,
): Promise<Mkdir> {
  const given = request.xdata ?? new Dict();
  // All subvolumes must give it the same one.
  const xdata = given.has(keys.gfidRequest) ? given : given.clone().set(keys.gfidRequest, newGfid());
  const whole = { ...request, xdata };
  return transaction(context, (own) => makeDirectory(state, whole, own));
}

async function makeDirectory(
  state: DistributeState,
  request: Request<'mkdir'> & { xdata: Dict },
  context: CallContext,
): Promise<Mkdir> {
  const { parent, name } = request.loc;
  if (parent === undefined || name === undefined)
    throw new GlfsError('EINVAL', 'mkdir needs a parent and a name');
  await state.freeSpace.refresh();
  const { hashed, answers } = await withParentCheck(state, parent, name, context, (hashed, checks) =>
    withNamespace(state, { hashed, parent, name }, context, async () => {
      const marks = new Dict()
        .merge(request.xdata)
        .merge(checks)
        .set(state.attributes.mds, new Uint8Array(4));
      const reply = await hashed.mkdir({ ...request, xdata: marks }, context);
      const others = state.children.filter((child) => child !== hashed);
      const rest = await windAll(others, (child) =>
        child.mkdir({ ...request, xdata: request.xdata.clone() }, context),
      );
      return { hashed, answers: [{ child: hashed, reply }, ...rest] };
    }),
  );
  return settle(state, request, hashed, answers, context);
}

async function settle(
  state: DistributeState,
  request: Request<'mkdir'>,
  hashed: Subvolume,
  answers: readonly Answer<Mkdir>[],
  context: CallContext,
): Promise<Mkdir> {
  const { loc } = request;
  const made = successes(answers);
  for (const { child, error } of answers) {
    if (error === undefined || error.code === 'EEXIST') continue;
    const details = { translator: state.name, subvolume: child.name, name: loc.name, error };
    state.log.warn(details, 'a directory is missing on a subvolume until it is healed');
  }
  const directory = new Inode(made[0]!.reply.stat.gfid, 'directory');
  notePath(state, loc);
  const { path } = state.contextOf(loc.inode);
  if (path !== undefined) state.contextOf(directory).path = path;
  state.setMds(loc.inode, hashed);
  await giveRanges(state, request, directory, hashed, answers, context);
  return mergedReply(made);
}

async function giveRanges(
  state: DistributeState,
  { loc }: Request<'mkdir'>,
  directory: Inode,
  hashed: Subvolume,
  answers: readonly Answer<Mkdir>[],
  context: CallContext,
): Promise<void> {
  const entries = answers.map(({ child, error }): LayoutEntry => {
    const there = error === undefined || error.code === 'EEXIST';
    const entry = there ? (state.freeSpace.isFilled(child) ? 'ENOSPC' : 'ok') : error.code;
    return { child, state: entry, start: 0, stop: 0, commitHash: 0 };
  });
  const commitHash = state.options['lookup-optimize'] ? state.commitHash : COMMIT_INVALID;
  const base = new Layout(entries, commitHash, 0, state.generation);
  try {
    const wanted = await computeLayout(state, directory, base, commitHash, context);
    const heal = { directory, wanted, locked: [hashed], madeDirectories: false };
    state.setLayout(loc.inode, await healLayout(state, heal, context));
  } catch (error) {
    // The directory is there; whoever uses it first gives it its ranges.
    state.log.warn({ translator: state.name, name: loc.name, error }, 'a new directory has no layout yet');
  }
}

function mergedReply(made: readonly Success<Mkdir>[]): Mkdir {
  const stats = (pick: (reply: Mkdir) => Iatt): Iatt =>
    mergeAll(made.map(({ reply }) => asDirectory(pick(reply))))!;
  return {
    stat: asDirectory(stats((reply) => reply.stat)),
    preparent: asDirectory(stats((reply) => reply.preparent)),
    postparent: asDirectory(stats((reply) => reply.postparent)),
    xdata: made[0]!.reply.xdata,
  };
}

/** On a volume of one brick: its directory has all names, and says so, should bricks be added. */
export function mkdirAlone(
  state: DistributeState,
  request: Request<'mkdir'>,
  context: CallContext,
): Promise<Mkdir> {
  const child = state.children[0]!;
  const range = { commitHash: 0, type: 0, start: 0, stop: 0xffffffff };
  const xdata = new Dict().merge(request.xdata).set(state.attributes.layout, rangeBytes(range));
  return child.mkdir({ ...request, xdata }, context);
}

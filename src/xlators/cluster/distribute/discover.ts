import { GlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Loc, type Reply } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { gfidEquals, ROOT_GFID } from '../../../protocol/gfid.ts';
import { isDirectory } from '../../../protocol/iatt.ts';
import { type Answer, combined, failures, windUntil } from '../wind.ts';
import { settleDirectory } from './directory-lookup.ts';
import { type DirectoryView, viewDirectory } from './directory-view.ts';
import { lookupFresh } from './fresh.ts';
import { lookupXdata } from './lookup-request.ts';
import { isLinkto, withoutMigrationBits } from './merge.ts';
import { askForPath } from './paths.ts';
import type { DistributeState } from './state.ts';

type Lookup = Reply<'lookup'>;

/**
 * A lookup by gfid: on all subvolumes, because nothing says where the file is. The first that has the data of a file ends
 * it; a directory is put together from all.
 * @throws GlfsError ENOENT or ESTALE where no subvolume has it, another error where one that failed may have it, EIO where
 *   it is a file here and a directory there.
 */
export async function discover(
  state: DistributeState,
  { inode }: Loc,
  context: CallContext,
  given?: Dict,
): Promise<Lookup> {
  const xdata = lookupXdata(state, given, inode.isRoot);
  const answers = await windUntil(
    state.children,
    (child) => child.lookup({ loc: { inode }, flags: 0, xdata: xdata.clone() }, context),
    (answer) => isData(state, answer),
  );
  const data = answers.find((answer) => isData(state, answer));
  const found = answers.flatMap(({ reply }) => (reply === undefined ? [] : [reply]));
  const directories = found.filter(({ stat }) => isDirectory(stat)).length;
  if (directories > 0 && directories < found.length) {
    throw new GlfsError('EIO', `${inode} is a file on one subvolume and a directory on another`, {
      translator: state.name,
    });
  }
  if (directories > 0) return discoverDirectory(state, inode, answers, given, context);
  if (data?.reply === undefined) throw notFound(state, answers);
  state.forget(inode);
  state.setCached(inode, data.child);
  inode.learn(data.reply.stat);
  return { ...data.reply, stat: withoutMigrationBits(data.reply.stat) };
}

/** An answer with the data of a file: no directory, no linkto file. */
function isData(state: DistributeState, { reply }: Answer<Lookup>): boolean {
  return (
    reply !== undefined && !isDirectory(reply.stat) && !isLinkto(reply.stat, reply.xdata, state.attributes)
  );
}

function notFound(state: DistributeState, answers: readonly Answer<Lookup>[]): GlfsError {
  const failed = failures(answers);
  // Nothing but linkto files: the data that they point to are gone.
  if (failed.length === 0) return new GlfsError('ESTALE', undefined, { translator: state.name });
  return combined(failed, state.name);
}

async function discoverDirectory(
  state: DistributeState,
  inode: Inode,
  answers: readonly Answer<Lookup>[],
  given: Dict | undefined,
  context: CallContext,
): Promise<Lookup> {
  const view = viewDirectory(state, answers, inode.isRoot);
  inode.learn(view.stat!);
  if (!inode.isRoot && needsName(state, view)) {
    const healed = await healByPath(state, inode, given, context);
    if (healed !== undefined) return healed;
  }
  return settleDirectory(state, { inode }, view, context);
}

/** Whether healing the directory takes its name: to make it where it is missing, or to choose its metadata subvolume. */
function needsName(state: DistributeState, { layout, mds }: DirectoryView): boolean {
  const { down, misc, missing } = layout.anomalies;
  if (down > 0 || misc > 0) return false;
  return missing > 0 || (mds === undefined && state.children.length > 1);
}

/** Looks up, and so heals, every directory on the way from the root. @returns undefined where that leads elsewhere. */
async function healByPath(
  state: DistributeState,
  inode: Inode,
  given: Dict | undefined,
  context: CallContext,
): Promise<Lookup | undefined> {
  const path = await askForPath(state, inode, context);
  if (path === undefined) return undefined;
  let parent = new Inode(ROOT_GFID, 'directory');
  let reply: Lookup | undefined;
  try {
    for (const name of path.split('/').filter((part) => part !== '')) {
      const found = new Inode();
      reply = await lookupFresh(state, { inode: found, parent, name }, given, context);
      found.learn(reply.stat);
      parent = found;
    }
  } catch (error) {
    state.log.debug({ translator: state.name, path, error }, 'a directory could not be healed by its path');
    return undefined;
  }
  if (!gfidEquals(parent.gfid, inode.gfid)) return undefined;
  inode.absorb(parent);
  return reply;
}

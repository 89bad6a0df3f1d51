import { GlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Loc, type Reply, type Request } from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import { isDirectory } from '../../../protocol/iatt.ts';
import { transaction } from '../wind.ts';
import { lookupFresh } from './fresh.ts';
import type { Entry } from './linkfile.ts';
import { marks } from './names.ts';
import { renameDirectory } from './rename-directory.ts';
import { renameFile } from './rename-file.ts';
import { renameMark } from './rename-rules.ts';
import type { DistributeState } from './state.ts';

/** What bears the new name before a rename. */
export interface Existing {
  readonly inode: Inode;
  readonly reply: Reply<'lookup'>;
}

/**
 * Gives a file or directory another name, replacing what bears it. Data never move: where the new name hashes to another
 * subvolume, a linkto file there leads back to them.
 */
export async function rename(
  state: DistributeState,
  request: Request<'rename'>,
  context: CallContext,
): Promise<Reply<'rename'>> {
  const source = entryOf(request.loc);
  const target = entryOf(request.newLoc);
  const ordered = async (own: CallContext): Promise<Reply<'rename'>> => {
    const inode = request.loc.inode.known ? request.loc.inode : (await find(state, source, own))?.inode;
    if (inode === undefined) throw new GlfsError('ENOENT', undefined, { translator: state.name });
    const existing = await find(state, target, own);
    const directory = await state.isDirectory({ inode }, own);
    if (existing !== undefined) {
      const same = gfidEquals(existing.inode.gfid, inode.gfid);
      // Two names of one file: POSIX wants nothing to happen.
      if (same) return unchanged(existing.reply);
      refuseMixture(state, directory, existing.reply);
    }
    const plan = { request, inode, source, target, existing };
    return directory ? renameDirectory(state, plan, own) : renameFile(state, plan, own);
  };
  return transaction(context, (own) => state.names.run([source, target], () => ordered(own)));
}

export interface RenamePlan {
  readonly request: Request<'rename'>;
  /** What is renamed. */
  readonly inode: Inode;
  readonly source: Entry;
  readonly target: Entry;
  readonly existing: Existing | undefined;
}

function entryOf({ parent, name }: Loc): Entry {
  if (parent !== undefined && name !== undefined) return { parent, name };
  throw new GlfsError('EINVAL', 'rename needs parents and names');
}

async function find(
  state: DistributeState,
  entry: Entry,
  context: CallContext,
): Promise<Existing | undefined> {
  const inode = new Inode();
  try {
    const reply = await lookupFresh(state, { inode, ...entry }, undefined, context);
    inode.learn(reply.stat);
    return { inode, reply };
  } catch (error) {
    if (error instanceof GlfsError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function refuseMixture(state: DistributeState, directory: boolean, { stat }: Reply<'lookup'>): void {
  const onto = isDirectory(stat);
  if (onto === directory) return;
  throw new GlfsError(onto ? 'EISDIR' : 'ENOTDIR', undefined, { translator: state.name });
}

function unchanged({ stat, postparent }: Reply<'lookup'>): Reply<'rename'> {
  return {
    stat,
    preoldparent: postparent,
    postoldparent: postparent,
    prenewparent: postparent,
    postnewparent: postparent,
  };
}

/** On a volume of one brick: the brick's own rename, with the mark that geo-replication expects of a file's. */
export function renameAlone(
  state: DistributeState,
  request: Request<'rename'>,
  context: CallContext,
): Promise<Reply<'rename'>> {
  const child = state.children[0]!;
  if (request.loc.inode.type === 'directory') return child.rename(request, context);
  const mark = renameMark(entryOf(request.loc), entryOf(request.newLoc));
  return child.rename({ ...request, xdata: withKey(request.xdata, marks.renameTrack, mark) }, context);
}

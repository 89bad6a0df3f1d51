import type { CallContext, Fd, Loc, Reply, Request, Subvolume } from '../../../graph/index.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { asDirectory, mergeAll, withoutMigrationBits } from './merge.ts';
import { type FileTarget, followFile, isGone } from './migration.ts';
import { combined, type DistributeState, failures, successes, wind, windAll } from './state.ts';

/* Calls that change nothing. Files: where the data are. Directories: every subvolume has a part of them. */

export function targetOf(fd: Fd): FileTarget {
  return { inode: fd.inode, fd };
}

/** A reply with attributes as users see them. */
export function cleaned<R extends { stat: Iatt }>(reply: R): R {
  const stat = withoutMigrationBits(reply.stat);
  return stat === reply.stat ? reply : { ...reply, stat };
}

const statOf = (reply: { stat: Iatt }): Iatt => reply.stat;

export async function read(
  state: DistributeState,
  request: Request<'read'>,
  context: CallContext,
): Promise<Reply<'read'>> {
  const call = (child: Subvolume): Promise<Reply<'read'>> => child.read(request, context);
  return cleaned(await followFile<Reply<'read'>>(state, targetOf(request.fd), context, { call, statOf }));
}

export async function stat(
  state: DistributeState,
  request: Request<'stat'>,
  context: CallContext,
): Promise<Reply<'stat'>> {
  const { loc } = request;
  const call = (child: Subvolume): Promise<Reply<'stat'>> => child.stat(request, context);
  if (await state.isDirectory(loc, context)) return directoryStat(state, loc, call);
  return cleaned(await followFile<Reply<'stat'>>(state, { inode: loc.inode }, context, { call, statOf }));
}

export async function fstat(
  state: DistributeState,
  request: Request<'fstat'>,
  context: CallContext,
): Promise<Reply<'fstat'>> {
  const { fd } = request;
  const call = (child: Subvolume): Promise<Reply<'fstat'>> => child.fstat(request, context);
  if (await state.isDirectory(fd, context)) return directoryStat(state, fd, call);
  return cleaned(await followFile<Reply<'fstat'>>(state, targetOf(fd), context, { call, statOf }));
}

/**
 * A directory is as old as its newest part; mode and owner are the metadata subvolume's, where it answers.
 * @throws GlfsError where no subvolume could tell anything.
 */
async function directoryStat(
  state: DistributeState,
  { inode }: Pick<Loc, 'inode'>,
  call: (child: Subvolume) => Promise<Reply<'stat'>>,
): Promise<Reply<'stat'>> {
  const answers = await windAll(state.children, call);
  const good = successes(answers);
  const merged = mergeAll(good.map(({ reply }) => reply.stat));
  if (merged === undefined) throw combined(failures(answers), state.name);
  const mds = state.mdsOf(inode);
  const lead = good.find(({ child }) => child === mds)?.reply ?? good[0]!.reply;
  const { mode, uid, gid } = lead.stat;
  return { stat: asDirectory({ ...merged, mode, uid, gid }), xdata: lead.xdata };
}

export async function readlink(
  state: DistributeState,
  request: Request<'readlink'>,
  context: CallContext,
): Promise<Reply<'readlink'>> {
  const call = (child: Subvolume): Promise<Reply<'readlink'>> => child.readlink(request, context);
  return followFile(state, { inode: request.loc.inode }, context, { call });
}

/** Of a directory any subvolume can tell; the metadata subvolume is asked first. */
export async function access(
  state: DistributeState,
  request: Request<'access'>,
  context: CallContext,
): Promise<Reply<'access'>> {
  const { loc } = request;
  const call = (child: Subvolume): Promise<Reply<'access'>> => child.access(request, context);
  if (!(await state.isDirectory(loc, context)))
    return followFile(state, { inode: loc.inode }, context, { call });
  const first = await state.cachedChild(loc, context);
  const failed = [];
  for (const child of [first, ...state.children.filter((other) => other !== first)]) {
    const answer = await wind(child, call);
    if (answer.error === undefined) return answer.reply;
    if (answer.error.code !== 'ENOTCONN' && !isGone(answer.error)) throw answer.error;
    failed.push(answer);
  }
  throw combined(failed, state.name);
}

/** ENXIO (nothing but a hole behind the offset) is also what the emptied source of a finished migration says. */
export async function seek(
  state: DistributeState,
  request: Request<'seek'>,
  context: CallContext,
): Promise<Reply<'seek'>> {
  const call = (child: Subvolume): Promise<Reply<'seek'>> => child.seek(request, context);
  return followFile(state, targetOf(request.fd), context, { call, doubtful: ['ENXIO'] });
}

/** The reply bears no attributes: they are asked for behind it, or the checksum might be that of an emptied file. */
export async function rchecksum(
  state: DistributeState,
  request: Request<'rchecksum'>,
  context: CallContext,
): Promise<Reply<'rchecksum'>> {
  const { fd } = request;
  interface Checked {
    reply: Reply<'rchecksum'>;
    stat: Iatt;
  }
  const call = async (child: Subvolume): Promise<Checked> => {
    const reply = await child.rchecksum(request, context);
    const { stat } = await child.fstat({ fd }, context);
    return { reply, stat };
  };
  return (await followFile<Checked>(state, targetOf(fd), context, { call, statOf })).reply;
}

export async function getactivelk(
  state: DistributeState,
  request: Request<'getactivelk'>,
  context: CallContext,
): Promise<Reply<'getactivelk'>> {
  const call = (child: Subvolume): Promise<Reply<'getactivelk'>> => child.getactivelk(request, context);
  return followFile(state, { inode: request.loc.inode }, context, { call });
}

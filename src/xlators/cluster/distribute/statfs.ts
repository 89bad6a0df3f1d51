import { type CallContext, Inode, type Reply, type Request } from '../../../graph/index.ts';
import { ROOT_GFID } from '../../../protocol/gfid.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import type { Statfs } from '../../../protocol/messages.ts';
import { combined, type DistributeState, failures, successes, windAll } from './state.ts';

/** Set in a reply that speaks of a quota in place of a disk. */
const quotaDeem = keyKinds.int('quota-deem-statfs');
/** From version 11 on: the quota's figures, of which each subvolume knows its own usage only. */
const simpleQuota = keyKinds.int('simple-quota');

/** The sum of all subvolumes that can be reached; of a quota, what the fullest view of it says. */
export async function statfs(
  state: DistributeState,
  request: Request<'statfs'>,
  context: CallContext,
): Promise<Reply<'statfs'>> {
  const directory = request.loc.inode.type === 'directory';
  // A file is on one subvolume only; the root is on all.
  const loc = directory ? request.loc : { inode: new Inode(ROOT_GFID, 'directory') };
  const answers = await windAll(state.children, (child) => child.statfs({ ...request, loc }, context));
  const replies = successes(answers).map(({ reply }) => reply);
  const [first] = replies;
  if (first === undefined) throw combined(failures(answers), state.name);
  const { xdata } = first;
  const limited = replies.filter((reply) => (reply.xdata?.get(quotaDeem) ?? 0) !== 0);
  if (limited.length > 0) return { ...limited.reduce(fuller), xdata };
  if (replies.some((reply) => (reply.xdata?.get(simpleQuota) ?? 0) !== 0)) {
    return { ...sharedQuota(replies, answers.length), xdata };
  }
  return { ...sumStatfs(replies), xdata };
}

function fuller<S extends Statfs>(a: S, b: S): S {
  return b.blocks - b.bfree >= a.blocks - a.bfree ? b : a;
}

/** Blocks are counted in units of the largest fragment size. */
export function sumStatfs(parts: readonly Statfs[]): Statfs {
  const bsize = Math.max(...parts.map((part) => part.bsize));
  const frsize = Math.max(...parts.map((part) => part.frsize));
  const total = (field: 'blocks' | 'bfree' | 'bavail'): number =>
    parts.reduce((sum, part) => sum + Math.floor(part[field] * (part.frsize / frsize)), 0);
  const count = (field: 'files' | 'ffree' | 'favail'): number =>
    parts.reduce((sum, part) => sum + part[field], 0);
  const { fsid, flag, namemax } = parts.at(-1)!;
  return {
    bsize,
    frsize,
    blocks: total('blocks'),
    bfree: total('bfree'),
    bavail: total('bavail'),
    files: count('files'),
    ffree: count('ffree'),
    favail: count('favail'),
    fsid,
    flag,
    namemax,
  };
}

/** One limit for all: every subvolume takes its usage off it, and those that can't be asked are taken for average. */
export function sharedQuota(parts: readonly Statfs[], subvolumes: number): Statfs {
  const [first] = parts;
  const usage = (field: 'blocks' | 'files', free: 'bfree' | 'ffree'): number => {
    const known = parts.reduce((sum, part) => sum + (part[field] - part[free]), 0);
    return known + Math.floor(known / parts.length) * (subvolumes - parts.length);
  };
  const blocks = usage('blocks', 'bfree');
  const files = usage('files', 'ffree');
  const free = Math.max(0, first!.blocks - blocks);
  const freeFiles = Math.max(0, first!.files - files);
  return { ...first!, bfree: free, bavail: free, ffree: freeFiles, favail: freeFiles };
}

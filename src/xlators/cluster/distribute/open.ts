import {
  type CallContext,
  detached,
  type Reply,
  type Request,
  type Subvolume,
} from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { ftruncate, truncate } from './file-write.ts';
import { followFile } from './migration.ts';
import { combined, type DistributeState, failures, successes, windAll } from './state.ts';

/** OPENDIR and READDIRP: entries that are directories are not wanted from this subvolume. */
export const skipDirectories = keyKinds.int('readdir-filter-directories');

/**
 * O_TRUNC at the source of a copy under way would leave the destination as long as before: it becomes a truncate of its
 * own, which knows of migrations.
 */
export async function open(
  state: DistributeState,
  request: Request<'open'>,
  context: CallContext,
): Promise<Reply<'open'>> {
  const { loc, fd } = request;
  const truncates = (request.flags & OpenFlag.TRUNC) !== 0 && state.children.length > 1;
  const flags = truncates ? request.flags & ~OpenFlag.TRUNC : request.flags;
  const call = (child: Subvolume): Promise<Reply<'open'>> => child.open({ ...request, flags }, context);
  const reply = await followFile(state, { inode: loc.inode }, context, { call });
  if (!truncates) return reply;
  const writable = (flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY;
  try {
    if (writable) await ftruncate(state, { fd, offset: 0 }, context);
    else await truncate(state, { loc, offset: 0 }, context);
  } catch (error) {
    // The caller gets no fd, and so will not release it.
    await windAll(state.children, (child) => child.release({ fd }, detached(context)));
    throw error;
  }
  return reply;
}

/** A directory is open if any subvolume has it; the others join at the first listing that reaches them. */
export async function opendir(
  state: DistributeState,
  request: Request<'opendir'>,
  context: CallContext,
): Promise<Reply<'opendir'>> {
  const asking = withKey(request.xdata, keyKinds.uint(state.attributes.linkto.name), 256);
  const first = state.firstUp;
  const answers = await windAll(state.children, (child) => {
    const filtered = state.options['readdir-optimize'] && child !== first;
    const xdata = filtered ? withKey(asking, skipDirectories, 1) : asking;
    return child.opendir({ ...request, xdata }, context);
  });
  const [good] = successes(answers);
  if (good !== undefined) return good.reply;
  throw combined(failures(answers), state.name);
}

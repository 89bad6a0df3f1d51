import type { CallContext, DirectoryEntry, Reply, Request } from '../../../graph/index.ts';
import { isRegular } from '../../../protocol/iatt.ts';
import { askingAll, blockSizeKey, decodeFileSize } from './attributes.ts';
import { SHARD_DIRECTORY } from './names.ts';
import type { ShardState } from './state.ts';
import { asSeen } from './times.ts';

/**
 * A page of a listing: without the directory of blocks, and with the sizes of files where their attributes come along. A page that
 * held nothing else is passed over, since an empty one is the end.
 */
export async function list(
  state: ShardState,
  fop: 'readdir' | 'readdirp',
  request: Request<'readdir'>,
  context: CallContext,
): Promise<Reply<'readdir'>> {
  const xdata = fop === 'readdirp' ? askingAll(request.xdata) : request.xdata;
  const isRoot = request.fd.inode.isRoot;
  for (let { offset } = request; ; ) {
    const page = await state.child[fop]({ ...request, offset, xdata }, context);
    const shown = isRoot ? page.entries.filter(({ name }) => name !== SHARD_DIRECTORY) : page.entries;
    if (shown.length === 0 && page.entries.length > 0) {
      offset = page.entries.at(-1)!.offset;
      continue;
    }
    return { ...page, entries: shown.map((entry) => seen(state, entry)) };
  }
}

function seen(state: ShardState, entry: DirectoryEntry): DirectoryEntry {
  const { stat, xdata } = entry;
  if (stat === undefined || !isRegular(stat) || !xdata?.has(blockSizeKey)) return entry;
  const size = decodeFileSize(xdata);
  if (size === undefined) return entry;
  const known = state.files.known(stat.gfid);
  // A page may be older than what is known.
  const file = known ?? state.files.learn(stat, xdata, 0);
  return file === undefined ? entry : { ...entry, stat: asSeen(file, stat, size) };
}

import { type CallContext, Inode, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { internalDetached, wind, windAll } from '../wind.ts';
import {
  LAYOUT_BYTES,
  type Layout,
  type LayoutEntry,
  type LayoutReport,
  mergeReports,
  rangeBytes,
  takesPart,
} from './layout.ts';
import { withLayoutLock } from './locks.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';

/** The layout as it stands on the disks right now. */
export async function readLayout(
  state: DistributeState,
  directory: Inode,
  context: CallContext,
): Promise<Layout> {
  const key = state.attributes.layout;
  const xdata = new Dict().setEntry(key.name, { type: 'uint', value: BigInt(LAYOUT_BYTES) });
  const generation = state.generation;
  const answers = await windAll(state.children, (child) =>
    child.lookup(
      { loc: { inode: new Inode(directory.gfid, 'directory') }, flags: 0, xdata: xdata.clone() },
      internalDetached(context),
    ),
  );
  const reports = answers.map(
    ({ child, error, reply }): LayoutReport => ({
      child,
      error: error?.code,
      bytes: reply?.xdata?.bytes(key.name),
    }),
  );
  return mergeReports(reports, generation);
}

export interface LayoutHeal {
  readonly directory: Inode;
  /** What to write if the disks are no better: ranges of `unwritten` entries. */
  readonly wanted: Layout;
  /** Subvolumes whose layout locks are taken: all for a heal, the hashed one for a new directory. */
  readonly locked: readonly Subvolume[];
  /** Directories were made on some subvolumes: those need at least an empty range. */
  readonly madeDirectories: boolean;
}

/**
 * Brings a directory's layout to the disks, unless somebody else has: under the lock it is read again, and one that is
 * whole is taken as it is.
 * @throws GlfsError where a lock can't be had. A range that can't be written is only noted in the layout.
 */
export function healLayout(
  state: DistributeState,
  { directory, wanted, locked, madeDirectories }: LayoutHeal,
  context: CallContext,
): Promise<Layout> {
  return withLayoutLock(state, directory, locked, context, async () => {
    const found = await readLayout(state, directory, context);
    if (!found.isWhole) return writeLayout(state, directory, wanted, wanted.entries, context);
    if (!madeDirectories) return found;
    const empty = found.entries.filter((entry) => entry.state === 'ok' && !takesPart(entry));
    return writeLayout(state, directory, found, empty, context);
  });
}

/** Writes the given entries; the others are taken to be on the disks already. */
export async function writeLayout(
  state: DistributeState,
  directory: Inode,
  layout: Layout,
  entries: readonly LayoutEntry[],
  context: CallContext,
): Promise<Layout> {
  const writable = entries.filter(
    ({ state: entry }) => entry === 'unwritten' || entry === 'ok' || entry === 'ENOSPC' || entry === 'EINVAL',
  );
  const answers = await Promise.all(
    writable.map(async (entry) => {
      const { error } = await wind(entry.child, () => writeRange(state, directory, layout, entry, context));
      if (error === undefined) return { ...entry, state: 'ok' as const };
      const details = {
        translator: state.name,
        subvolume: entry.child.name,
        directory: `${directory}`,
        error,
      };
      state.log.warn(details, 'a hash range could not be written');
      return { ...entry, state: error.code };
    }),
  );
  const written = new Map(answers.map((entry) => [entry.child, entry]));
  return layout.with({ entries: layout.entries.map((entry) => written.get(entry.child) ?? entry) });
}

function writeRange(
  state: DistributeState,
  directory: Inode,
  layout: Layout,
  entry: LayoutEntry,
  context: CallContext,
): Promise<unknown> {
  const { commitHash, start, stop } = entry;
  // Who takes no part gets zeros throughout.
  const range = takesPart(entry)
    ? { commitHash, type: layout.type, start, stop }
    : { commitHash: 0, type: 0, start: 0, stop: 0 };
  const dict = new Dict().set(state.attributes.layout, rangeBytes(range));
  const xdata = new Dict().set(marks.internalFop, 'yes').set(marks.iattInReply, 1);
  return entry.child.setxattr(
    { loc: { inode: directory }, flags: 0, dict, xdata },
    internalDetached(context),
  );
}
